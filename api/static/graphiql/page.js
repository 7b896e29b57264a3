const place = document.getElementById("graphiql");
const defaultQuery = `# 1. Sign in; the demo practice's client is:
mutation SignIn {
  tokenAuth(username: "client",
            password: "frontdesk-demo") {
    token
  }
}

# 2. Put the token into Headers, below:
#    {"Authorization": "Bearer <token>"}
# 3. Ask:
query NextAvailable {
  nextAvailableAppointments(perProvider: 2) {
    provider { name timeZone }
    appointments { id startsAt }
  }
}
`;

ReactDOM.createRoot(place).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: place.dataset.endpoint }),
    defaultQuery,
    isHeadersEditorEnabled: true,
    // A token in the browser's storage would outlive the visit.
    shouldPersistHeaders: false,
  }),
);
