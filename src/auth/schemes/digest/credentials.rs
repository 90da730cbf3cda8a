use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::header::DigestCredentials;
use crate::accounts::{AccountChange, AccountError, AccountId, ActionOrigin, LocalAccount, LocalAccounts, normalize_password};
use crate::auth::Keys;
use crate::auth::scheme::REALM;
use crate::domain::Password;
use crate::store::StoreError;

/// HA1, which Digest computes with in place of a password: H(name:realm:password), RFC 7616, 3.4.2, in hexadecimal. It
/// is as good as the password for Digest, so it is stored encrypted.
pub(super) struct Ha1(Zeroizing<String>);

/// Enables Digest for an account, with the password that its owner or an admin has just given. Whether that is the
/// account's is not checked here: check before.
///
/// # Errors
/// [`AccountError`] when it cannot be kept, or the password was changed meanwhile.
pub async fn enable(
    accounts: &LocalAccounts,
    account: &LocalAccount,
    password: &Password,
    keys: &Keys,
    by: ActionOrigin,
) -> Result<LocalAccount, AccountError> {
    let sealed = Ha1::compute(account, password).seal(keys, &account.id)?;
    accounts.change(&account.id, AccountChange::Digest(Some(sealed), account.password_set_at), by).await
}

/// Disables Digest for an account.
///
/// # Errors
/// [`AccountError`] when it cannot be written.
pub async fn disable(accounts: &LocalAccounts, account: &LocalAccount, by: ActionOrigin) -> Result<LocalAccount, AccountError> {
    accounts.change(&account.id, AccountChange::Digest(None, account.password_set_at), by).await
}

impl Ha1 {
    fn compute(account: &LocalAccount, password: &Password) -> Self {
        let text = join_with_colons(&[account.profile.name.as_str(), REALM, &normalize_password(password)]);
        Self(Zeroizing::new(hex_hash(text.as_bytes())))
    }

    /// A dummy that no response matches.
    pub(super) fn dummy() -> Self {
        Self(Zeroizing::new("0".repeat(64)))
    }

    /// Encrypts it for the store, bound to its account.
    fn seal(&self, keys: &Keys, account: &AccountId) -> Result<Vec<u8>, StoreError> {
        keys.digest_credential_cipher().seal(account.as_str().as_bytes(), self.0.as_bytes())
    }

    /// Decrypts it; `None` when it was sealed with another key or for another account.
    pub(super) fn open(keys: &Keys, account: &AccountId, sealed: &[u8]) -> Option<Self> {
        let opened = keys.digest_credential_cipher().open(account.as_str().as_bytes(), sealed)?;
        str::from_utf8(&opened).ok().map(|text| Self(Zeroizing::new(text.to_owned())))
    }

    /// Whether the response of a request with `method` was computed from this HA1 (RFC 7616, 3.4.1), in constant time.
    pub(super) fn verify_response(&self, sent: &DigestCredentials, method: &str) -> bool {
        let ha2 = hex_hash(format!("{method}:{}", sent.uri).as_bytes());
        let DigestCredentials { nonce, nc, cnonce, .. } = sent;
        let text = join_with_colons(&[&self.0, nonce, nc, cnonce, "auth", &ha2]);
        let response = Sha256::digest(text.as_bytes());
        bool::from(response.as_slice().ct_eq(&sent.response))
    }
}

/// Joins the parts with colons, in one piece of memory that wipes itself: growing would leave copies behind.
fn join_with_colons(parts: &[&str]) -> Zeroizing<String> {
    let length: usize = parts.iter().map(|part| part.len() + 1).sum();
    let mut text = Zeroizing::new(String::with_capacity(length));
    for (count, part) in parts.iter().enumerate() {
        text.push_str(if count == 0 { "" } else { ":" });
        text.push_str(part);
    }
    text
}

fn hex_hash(text: &[u8]) -> String {
    hex::encode(Sha256::digest(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// RFC 7616, 3.9.1, with its SHA-256 answer.
    #[test]
    fn the_example_of_the_rfc_is_answered() {
        let sent = DigestCredentials {
            username: "Mufasa".into(),
            realm: "http-auth@example.org".into(),
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".into(),
            uri: "/dir/index.html".into(),
            response: hex::decode("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1").unwrap(),
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ".into(),
            nc: "00000001".into(),
            nonce_count: 1,
        };
        let ha1 = Ha1(Zeroizing::new(hex_hash(b"Mufasa:http-auth@example.org:Circle of Life")));
        assert!(ha1.verify_response(&sent, "GET"));
        assert!(!ha1.verify_response(&sent, "POST"));
        assert!(!Ha1::dummy().verify_response(&sent, "GET"));
    }

    #[test]
    fn what_is_sealed_opens_with_its_own_key_for_its_own_account() {
        let [one, other] = ["0".repeat(8), "1".repeat(8)]
            .map(|start| AccountId::parse(&format!("{start}-0000-4000-8000-000000000000")).unwrap());
        let [keys, changed] = [[7; 32], [8; 32]].map(|secret| Keys::from_secret(&secret));
        let ha1 = Ha1(Zeroizing::new(hex_hash(b"cam-1:Belvedere:lamp otter gravel")));
        let mut sealed = ha1.seal(&keys, &one).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains(&ha1.0[..16]));
        assert_eq!(*Ha1::open(&keys, &one, &sealed).unwrap().0, *ha1.0);
        assert!(Ha1::open(&keys, &other, &sealed).is_none(), "moved to another account's row");
        assert!(Ha1::open(&changed, &one, &sealed).is_none());
        *sealed.last_mut().unwrap() ^= 1;
        assert!(Ha1::open(&keys, &one, &sealed).is_none());
        assert!(Ha1::open(&keys, &one, &[]).is_none());
    }
}
