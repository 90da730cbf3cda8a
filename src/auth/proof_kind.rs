use crate::domain::RootCredential;
use crate::epochs::ProofKind;

/// The kind of a proof that carries its epoch, by what it rests on: a password, a response or a token made from one; or a signed
/// token made from a session or an API token.
pub(super) fn proof_kind(root: RootCredential) -> ProofKind {
    match root {
        RootCredential::PerRequest => ProofKind::Password,
        RootCredential::Session(_) | RootCredential::Token(_) => ProofKind::SignedToken,
    }
}
