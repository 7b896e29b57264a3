const place = document.getElementById("graphiql");
const defaultQuery = `# Sign in with the mutation below, then put the token into Headers:
#   {"Authorization": "Bearer <token>"}

mutation SignIn {
  tokenAuth(username: "", password: "") {
    token
  }
}

query WhoAmI {
  viewer {
    role
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
