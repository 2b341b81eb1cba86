from uuid import UUID

from hermodr_api.access.authentication import Authenticator, Caller
from hermodr_api.answers import Act, Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.user_tokens.models import (
    CreatedSigningKeyView,
    RevokedUserIn,
    RevokedUserView,
    RotateSigningKeyIn,
    SigningKeyIn,
    SigningKeyView,
    TokenRulesPatch,
)
from hermodr_ledger.access import signing_keys, trust
from hermodr_ledger.access.signing_keys import MOST_KEYS, AnotherMaterial, Ended, SigningKey, TooManyKeys
from hermodr_ledger.access.trust import Rules
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_servicekit.token_signing import TokenSecrets


class UserTokens:
    """The use cases of `/v1/projects/me/signing-keys`, `…/token-rules` and `…/revoked-users`. All raise `Refused` and
    `LedgerUnavailable`. What they change counts in this process at once, in others within 5 s."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        authenticator: Authenticator,
        secrets: TokenSecrets | None,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._authenticator = authenticator
        self._secrets = secrets

    async def page(self, project_id: UUID, page: Page) -> PageResult[SigningKey]:
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: signing_keys.page(at, project_id, rows))

    async def read(self, project_id: UUID, key_id: UUID) -> SigningKey:
        async with patience():
            found = await signing_keys.read(self._ledger, project_id, key_id)
        if found is None:
            raise not_found("signing key")
        return found

    async def create(self, caller: Caller, wanted: SigningKeyIn, key: Key | None) -> Answer:
        """The secret is in the first answer only."""
        self._derivable(wanted.public_key)

        async def act(transaction: Transaction) -> Outcome:
            made = await signing_keys.create(
                transaction, caller.project_id, wanted.name, wanted.material, caller.actor
            )
            return self._with_secret(made)

        return await self._making(caller, key, act)

    async def rotate(
        self, caller: Caller, key_id: UUID, wanted: RotateSigningKeyIn, key: Key | None
    ) -> Answer:
        """The new key's secret is in the first answer only."""
        self._derivable(wanted.public_key)

        async def act(transaction: Transaction) -> Outcome:
            overlap = wanted.overlap
            if overlap is None:
                overlap = (await trust.rules(transaction, caller.project_id)).lifetime
            made = await signing_keys.rotate(
                transaction, caller.project_id, key_id, overlap, wanted.material, caller.actor
            )
            if made is None:
                raise not_found("signing key")
            return self._with_secret(made)

        return await self._making(caller, key, act)

    async def revoke(self, caller: Caller, key_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await signing_keys.revoke(transaction, caller.project_id, key_id, caller.actor):
                raise not_found("signing key")
        self._authenticator.forget_users()

    async def rules(self, project_id: UUID) -> Rules:
        async with patience():
            return await trust.rules(self._ledger, project_id)

    async def change_rules(self, caller: Caller, wanted: TokenRulesPatch) -> Rules:
        columns = wanted.columns
        if not columns:
            return await self.rules(caller.project_id)
        async with patience(), self._ledger.transaction() as transaction:
            changed = await trust.change_rules(transaction, caller.project_id, columns, caller.actor)
        self._authenticator.forget_users()
        return changed

    async def revoke_user(self, caller: Caller, wanted: RevokedUserIn, key: Key | None) -> Answer:
        """Whether there is such a user is known to the application alone."""

        async def act(transaction: Transaction) -> Outcome:
            at = await trust.revoke_user(transaction, caller.project_id, wanted.user_id, caller.actor)
            return Outcome(RevokedUserView(revoked_at=at).model_dump_json().encode())

        answer = await self._repeatable.run(caller.project_id, key, 201, act)
        self._authenticator.forget_users()
        return answer

    async def _making(self, caller: Caller, key: Key | None, act: Act) -> Answer:
        try:
            answer = await self._repeatable.run(caller.project_id, key, 201, act)
        except TooManyKeys:
            reason = f"a project has at most {MOST_KEYS} signing keys that hold; revoke one first"
            raise Refused(CONFLICT, reason) from None
        except Ended:
            raise Refused(CONFLICT, "the key is revoked or has expired; create a new one") from None
        except AnotherMaterial:
            reason = "a key with a public key is followed by one with a public key, a secret by a secret"
            raise invalid(Flaw(("body", "public_key"), reason)) from None
        self._authenticator.forget_users()
        return answer

    def _derivable(self, public_key: str | None) -> None:
        if public_key is None and self._secrets is None:
            reason = "secrets are not made here: HERMODR_SECRET_KEY is not set; give a public_key"
            raise Refused(CONFLICT, reason)

    def _with_secret(self, made: SigningKey) -> Outcome:
        """The secret is not in the answer stored for replays."""
        derived = self._secrets if made.public_key is None else None
        secret = derived.secret(made.id) if derived is not None else None
        shown = SigningKeyView.model_validate(made).model_dump()
        first, later = (CreatedSigningKeyView(**shown, secret=each) for each in (secret, None))
        return Outcome(first.model_dump_json().encode(), later.model_dump_json().encode())
