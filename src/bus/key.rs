use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::store::{AeadCipher, SealingKey, StoreError};

/// The version of all that is written to the bus. Nodes that write it in another way do not meet: their keys have other names.
const FORMAT: &str = "2";

const ENTRIES_LABEL: &[u8] = b"entries of the bus";
const NAMES_LABEL: &[u8] = b"names on the bus";

/// The length of a name's hash: nobody finds two things with the same one.
const NAME_BYTES: usize = 16;

/// The key of the counter that leases are numbered by. Clusters on one server share it: it matters only that it rises.
pub(super) const FENCE_KEY: &str = "belvedere:1:fence";

/// The key of a cluster's bus. All its nodes have the same, and so find each other; others on the same server neither read what
/// they share, nor forge it, nor see by its name what it is about.
pub struct BusKey {
    cipher: AeadCipher,
    names: Zeroizing<[u8; 32]>,
}

/// The name of a topic: a hash of what is asked, under the cluster's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(String);

impl BusKey {
    /// The key that follows from a secret of the cluster.
    pub fn from_secret(secret: &[u8]) -> Self {
        let derive = |label: &[u8]| -> [u8; 32] { hmac(secret, label).into() };
        Self { cipher: AeadCipher::new(&SealingKey::new(derive(ENTRIES_LABEL))), names: Zeroizing::new(derive(NAMES_LABEL)) }
    }

    /// The name of the topic of a thing; equal things have equal names, on all nodes.
    pub fn topic(&self, thing: &impl Serialize) -> TopicName {
        // Names, texts and numbers always encode.
        let thing = serde_json::to_vec(thing).unwrap_or_default();
        TopicName(hex::encode(&hmac(&self.names[..], &thing)[..NAME_BYTES]))
    }

    /// Seals what an entry says, bound to its topic and place.
    pub(super) fn seal(&self, topic: &TopicName, header: &[u8], text: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.cipher.seal(&associated(topic, header), text)
    }

    /// Opens what an entry says; `None` where it was sealed for another place, or by somebody else.
    pub(super) fn open(&self, topic: &TopicName, header: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.cipher.open(&associated(topic, header), sealed)
    }
}

impl TopicName {
    /// The key of the lease.
    pub(super) fn lease(&self) -> String {
        format!("belvedere:{FORMAT}:lease:{}", self.0)
    }

    /// The key of the stream, which is also the name of the channel that tells its news.
    pub(super) fn stream(&self) -> String {
        format!("belvedere:{FORMAT}:stream:{}", self.0)
    }

    /// The key of a rate.
    pub(super) fn rate(&self) -> String {
        format!("belvedere:{FORMAT}:rate:{}", self.0)
    }

    /// The topic whose stream has this key.
    pub(super) fn of_stream(key: &str) -> Option<Self> {
        let name = key.strip_prefix("belvedere:")?.strip_prefix(FORMAT)?.strip_prefix(":stream:")?;
        Some(Self(name.to_owned()))
    }
}

fn associated(topic: &TopicName, header: &[u8]) -> Vec<u8> {
    [FORMAT.as_bytes(), topic.0.as_bytes(), header].concat()
}

fn hmac(key: &[u8], text: &[u8]) -> hmac::digest::Output<Sha256> {
    let mut padded = Zeroizing::new([0; 64]);
    let length = key.len().min(64);
    padded[..length].copy_from_slice(&key[..length]);
    <Hmac<Sha256> as KeyInit>::new((&*padded).into()).chain_update(text).finalize().into_bytes()
}
