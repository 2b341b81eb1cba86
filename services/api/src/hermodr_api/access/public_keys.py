"""Public keys in PEM that verify tokens. Each fits one algorithm."""

from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_public_key

LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192


@lru_cache(maxsize=1000)
def loaded(pem: str) -> PublicKeyTypes:
    """Raises `ValueError`, which does not quote it."""
    try:
        return load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is no public key in PEM (-----BEGIN PUBLIC KEY-----)") from None


def algorithm_of(pem: str) -> str:
    """RSA: RS256, P-256: ES256, Ed25519: EdDSA. Raises `ValueError`."""
    match loaded(pem):
        case RSAPublicKey() as key if LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
            return "RS256"
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return "ES256"
        case Ed25519PublicKey():
            return "EdDSA"
    raise ValueError(f"is none of RSA with {LEAST_RSA_BITS} to {MOST_RSA_BITS} bits, P-256 and Ed25519")
