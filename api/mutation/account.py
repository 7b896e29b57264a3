import graphene
from graphene.types.generic import GenericScalar

from api import tokens

PRACTICE = "The short name of the practice to act in; needed only by members of several."


class TokenAuth(graphene.Mutation):
    """Sign in. Send the token with every request: `Authorization: Bearer <token>`."""

    class Arguments:
        username = graphene.String(required=True)
        password = graphene.String(required=True)
        practice = graphene.String(description=PRACTICE)

    token = graphene.String(required=True, description="The access token; good for 15 minutes.")
    payload = GenericScalar(required=True, description="What the access token says.")
    refresh_token = graphene.String(required=True, description="Good for one `refreshToken`.")
    refresh_expires_in = graphene.Int(
        required=True, description="When the refresh token expires, in seconds since 1970."
    )

    @staticmethod
    def mutate(_root, info, username, password, practice=None):
        return tokens.sign_in(
            info.context, username=username, password=password, practice_slug=practice or ""
        )


class RefreshToken(graphene.Mutation):
    """Take new tokens for a refresh token, which is void from then on: keep the new one."""

    class Arguments:
        refresh_token = graphene.String(required=True)
        practice = graphene.String(description=PRACTICE)

    token = graphene.String(required=True, description="The access token; good for 15 minutes.")
    payload = GenericScalar(required=True, description="What the access token says.")
    refresh_token = graphene.String(required=True, description="Good for one `refreshToken`.")
    refresh_expires_in = graphene.Int(
        required=True, description="When the refresh token expires, in seconds since 1970."
    )

    @staticmethod
    def mutate(_root, info, refresh_token, practice=None):
        return tokens.refresh(info.context, refresh_token=refresh_token, practice_slug=practice or "")


class VerifyToken(graphene.Mutation):
    """Say what an access token says; an error when it is not valid or has expired."""

    class Arguments:
        token = graphene.String(required=True)

    payload = GenericScalar(required=True, description="What the access token says.")

    @staticmethod
    def mutate(_root, _info, token):
        return {"payload": tokens.verify(token)}


class RevokeToken(graphene.Mutation):
    """Sign out: make a refresh token void. Access tokens end by themselves."""

    class Arguments:
        refresh_token = graphene.String(required=True)

    revoked = graphene.Int(required=True, description="When, in seconds since 1970.")

    @staticmethod
    def mutate(_root, _info, refresh_token):
        return {"revoked": int(tokens.revoke(refresh_token).timestamp())}
