//! The demo's directory over the wire, asked by the LDAP client the program itself uses.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod binds;
mod limits;
mod searches;

use std::sync::Arc;
use std::time::Duration;

use ldap3::result::LdapResult;
use ldap3::{Ldap, LdapConnAsync, Scope, SearchEntry};

use super::{DemoDirectory, SampleDomain, SampleLockoutPolicy};
use crate::domain::{ManualClock, Timestamp};

const DOMAIN: &str = "DC=belvedere,DC=example";

/// The demo's directory, with a clock that stands until it is moved.
struct DemoFixture {
    directory: DemoDirectory,
    clock: Arc<ManualClock>,
}

impl DemoFixture {
    async fn start() -> Self {
        Self::serving(&SampleDomain::demo()).await
    }

    async fn serving(sample: &SampleDomain) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let directory = DemoDirectory::start(sample, clock.clone()).await.unwrap();
        Self { directory, clock }
    }

    fn address(&self) -> String {
        self.directory.url().strip_prefix("ldap://").unwrap().to_owned()
    }

    async fn client(&self) -> Ldap {
        let (connection, client) = LdapConnAsync::new(&self.directory.url()).await.unwrap();
        ldap3::drive!(connection);
        client
    }

    async fn client_bound_as(&self, username: &str) -> Ldap {
        let mut client = self.client().await;
        let name = format!("{username}@belvedere.example");
        client.simple_bind(&name, &format!("{username}-demo")).await.unwrap().success().unwrap();
        client
    }

    async fn bind(&self, name: &str, password: &str) -> LdapResult {
        self.client().await.simple_bind(name, password).await.unwrap()
    }

    fn password_of(&self, username: &str) -> String {
        let mut accounts = self.directory.accounts().iter();
        accounts.find(|account| account.username == username).expect(username).password.clone()
    }
}

/// The DNs a search finds, and nothing but a success.
async fn dns(client: &mut Ldap, base: &str, scope: Scope, filter: &str) -> Vec<String> {
    let entries = entries(client, base, scope, filter, &["1.1"]).await;
    entries.into_iter().map(|entry| entry.dn).collect()
}

async fn entries(client: &mut Ldap, base: &str, scope: Scope, filter: &str, attributes: &[&str]) -> Vec<SearchEntry> {
    let (entries, _) = client.search(base, scope, filter, attributes).await.unwrap().success().unwrap();
    entries.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct).collect()
}

fn values<'a>(entry: &'a SearchEntry, attribute: &str) -> &'a [String] {
    entry.attrs.get(attribute).map_or(&[], Vec::as_slice)
}

/// The values of an attribute as bytes, which land in one map or the other, by whether they happen to be UTF-8.
fn bytes(entry: &SearchEntry, attribute: &str) -> Vec<Vec<u8>> {
    let texts = values(entry, attribute).iter().map(|text| text.clone().into_bytes());
    texts.chain(entry.bin_attrs.get(attribute).cloned().unwrap_or_default()).collect()
}

fn escaped(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").unwrap();
        text
    })
}
