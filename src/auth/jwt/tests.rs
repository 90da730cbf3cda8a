use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::{Claims, EncodedJwt, JwtError, JwtSigner};
use crate::auth::Keys;
use crate::config::{JwtSettings, TokenSettings};
use crate::domain::{ManualClock, RootCredential, Timestamp, TokenId};
use crate::tokens::Tokens;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

struct SignerFixture {
    clock: Arc<ManualClock>,
    folder: TempDir,
}

impl SignerFixture {
    fn new() -> Self {
        Self { clock: Arc::new(ManualClock::at(START)), folder: tempfile::tempdir().unwrap() }
    }

    async fn signer_of(&self, secret: u8, issuer: &str) -> JwtSigner {
        let settings = TokenSettings { lifetime: DAY, longest: DAY, unrefreshed: DAY };
        let file = self.folder.path().join("tokens.db");
        let tokens = Tokens::open(&file, &settings, DAY, self.clock.clone()).await.unwrap();
        let settings = JwtSettings { lifetime: 3 * MINUTE, rotate: 30 * DAY };
        let keys = Keys::from_secret(&[secret; 32]);
        JwtSigner::open(tokens, &keys, settings, issuer.to_owned(), self.clock.clone()).await.unwrap()
    }

    async fn signer(&self) -> JwtSigner {
        self.signer_of(7, "Boards").await
    }
}

fn signed(signer: &JwtSigner, change: impl FnOnce(&mut Claims)) -> EncodedJwt {
    let mut claims = Claims {
        sub: "objectGUID:alice".into(),
        scope: "read".into(),
        root: RootCredential::Token(TokenId::new(5)),
        ..signer.new_claims().unwrap()
    };
    change(&mut claims);
    EncodedJwt::parse(&signer.sign(&claims).unwrap()).unwrap()
}

fn kids(signer: &JwtSigner) -> Vec<String> {
    signer.public_keys().0.keys.iter().filter_map(|key| key.common.key_id.clone()).collect()
}

fn kid(text: &EncodedJwt) -> String {
    jsonwebtoken::decode_header(text.expose()).unwrap().kid.unwrap()
}

#[tokio::test]
async fn what_was_signed_is_read_until_its_time_is_over() {
    let fixture = SignerFixture::new();
    let signer = fixture.signer().await;
    let text = signed(&signer, |_| {});
    let claims = signer.verify(&text).unwrap();
    assert_eq!(
        (&*claims.sub, &*claims.scope, claims.root),
        ("objectGUID:alice", "read", RootCredential::Token(TokenId::new(5)))
    );
    fixture.clock.advance(Duration::from_secs(179));
    assert!(signer.verify(&text).is_ok());
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(signer.verify(&text), Err(JwtError::Expired));
}

#[tokio::test]
async fn a_clock_that_was_set_back_a_little_does_not_matter_and_a_token_of_the_future_is_refused() {
    let fixture = SignerFixture::new();
    let signer = fixture.signer().await;
    let text = signed(&signer, |_| {});
    fixture.clock.set_back(Duration::from_secs(5));
    assert!(signer.verify(&text).is_ok());
    fixture.clock.set_back(Duration::from_secs(2));
    assert_eq!(signer.verify(&text), Err(JwtError::Invalid));
}

#[tokio::test]
async fn what_is_for_somebody_else_or_from_elsewhere_is_refused() {
    let fixture = SignerFixture::new();
    let signer = fixture.signer().await;
    assert_eq!(signer.verify(&signed(&signer, |claims| claims.aud = "grafana".into())), Err(JwtError::Invalid));
    assert_eq!(signer.verify(&signed(&signer, |claims| claims.iss = "Other".into())), Err(JwtError::Invalid));
    // The same key under another name of the site: tokens from before are for that name.
    let text = signed(&signer, |_| {});
    assert_eq!(fixture.signer_of(7, "New name").await.verify(&text), Err(JwtError::Invalid));
    // Another server of the same name.
    let other = SignerFixture::new();
    assert_eq!(signer.verify(&signed(&other.signer().await, |_| {})), Err(JwtError::Invalid));
}

#[tokio::test]
async fn keys_take_turns_and_what_an_old_one_signed_is_good_to_its_end() {
    let fixture = SignerFixture::new();
    let signer = fixture.signer().await;
    let first = kids(&signer);
    assert_eq!(first.len(), 1);
    fixture.clock.advance(30 * DAY);
    let before = signed(&signer, |_| {});
    signer.rotate().await.unwrap();
    let both = kids(&signer);
    assert_eq!((both.len(), &both[0]), (2, &first[0]), "the old one is still published");
    let meanwhile = signed(&signer, |_| {});
    assert_eq!(kid(&meanwhile), both[0], "and signs until every node has read the new one");
    fixture.clock.advance(2 * MINUTE);
    signer.rotate().await.unwrap();
    let after = signed(&signer, |_| {});
    assert_eq!(kid(&after), both[1], "the new one signs");
    assert!(signer.verify(&before).is_ok() && signer.verify(&meanwhile).is_ok() && signer.verify(&after).is_ok());
    fixture.clock.advance(2 * 60 * MINUTE);
    signer.rotate().await.unwrap();
    assert_eq!(kids(&signer), [both[1].clone()], "the old one is gone");
    assert_eq!(signer.verify(&before), Err(JwtError::Invalid));
}

#[tokio::test]
async fn what_another_node_signed_with_a_key_that_it_has_just_made_is_good_here() {
    let fixture = SignerFixture::new();
    let (here, there) = (fixture.signer().await, fixture.signer().await);
    assert_eq!(kids(&here), kids(&there), "the second makes none of its own");
    fixture.clock.advance(30 * DAY);
    there.rotate().await.unwrap();
    fixture.clock.advance(2 * MINUTE);
    let text = signed(&there, |_| {});
    assert_eq!(here.verify(&text), Err(JwtError::Invalid));
    here.look_for_key_of(&text).await.unwrap();
    assert!(here.verify(&text).is_ok());
    assert_eq!(kids(&here), kids(&there));
    let made_up = signed(&SignerFixture::new().signer_of(8, "Boards").await, |_| {});
    here.look_for_key_of(&made_up).await.unwrap();
    assert_eq!(here.verify(&made_up), Err(JwtError::Invalid));
}

#[tokio::test]
async fn a_restart_keeps_the_keys_and_another_secret_makes_new_ones() {
    let fixture = SignerFixture::new();
    let signer = fixture.signer().await;
    let text = signed(&signer, |_| {});
    let again = fixture.signer().await;
    assert_eq!(kids(&again), kids(&signer));
    assert!(again.verify(&text).is_ok());
    let other = fixture.signer_of(8, "Boards").await;
    assert_eq!(kids(&other).len(), 1);
    assert_ne!(kids(&other), kids(&signer));
    assert_eq!(other.verify(&text), Err(JwtError::Invalid));
}

#[tokio::test]
async fn no_private_key_is_in_the_file_or_in_what_is_published() {
    let fixture = SignerFixture::new();
    let signer = fixture.signer().await;
    let seed = signer.keys().last().unwrap().encoding.as_bytes()[16..].to_vec();
    assert_eq!(seed.len(), 32);
    for file in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(32).any(|window| window == seed));
    }
    let published = serde_json::to_value(signer.public_keys()).unwrap();
    let fields: Vec<_> = published["keys"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["use", "alg", "kid", "kty", "crv", "x"]);
}
