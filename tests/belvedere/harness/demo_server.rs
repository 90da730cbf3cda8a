//! A house whose people are the sample people of the embedded directory. Needs no server and no root.

use std::sync::Arc;

use belvedere::demo_directory::{DemoDirectory, SampleAccount, SampleDomain};
use belvedere::domain::{Clock, SystemClock};

use super::cuttable_proxy::CuttableProxy;
use super::test_server::{TestServer, TestServerBuilder};

/// The house, its directory, and the wire between the two.
pub(crate) struct DemoServer {
    pub(crate) house: TestServer,
    pub(crate) directory: DemoDirectory,
    pub(crate) ldap_proxy: CuttableProxy,
}

/// The same in plan.
pub(crate) struct DemoServerBuilder {
    server: TestServerBuilder,
    directory: DemoDirectory,
    ldap_proxy: CuttableProxy,
}

impl DemoServer {
    /// A house on an embedded directory of its own.
    pub(crate) async fn builder() -> DemoServerBuilder {
        Self::builder_with_clock(Arc::new(SystemClock)).await
    }

    /// The same, by the test's clock.
    pub(crate) async fn builder_with_clock(clock: Arc<dyn Clock>) -> DemoServerBuilder {
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::clone(&clock)).await.unwrap();
        let wire = CuttableProxy::to(&directory.url()).await;
        let plan = TestServerBuilder::with_directory(&wire.url()).clock(clock);
        DemoServerBuilder { server: plan, directory, ldap_proxy: wire }
    }

    /// Shuts the house in good order and opens it again, as it was left.
    pub(crate) async fn restart(self) -> Self {
        let Self { house, directory, ldap_proxy: wire } = self;
        let plan = TestServerBuilder::restarting(&house, &wire.url());
        house.shut_down().await;
        Self { house: plan.open().await, directory, ldap_proxy: wire }
    }

    /// The sample password of somebody.
    pub(crate) fn password(&self, username: &str) -> &str {
        &self.account(username).password
    }

    fn account(&self, username: &str) -> &SampleAccount {
        self.directory.accounts().iter().find(|account| account.username == username).unwrap()
    }
}

impl DemoServerBuilder {
    /// See [`Plan::set`].
    pub(crate) fn set(mut self, path: &str, value: impl Into<serde_json::Value>) -> Self {
        self.server = self.server.set(path, value);
        self
    }

    /// See [`Plan::page`].
    pub(crate) fn page(mut self, slug: &str, text: &str) -> Self {
        self.server = self.server.page(slug, text);
        self
    }

    /// See [`Plan::sample_pages`].
    pub(crate) fn sample_pages(mut self) -> Self {
        self.server = self.server.sample_pages();
        self
    }

    /// Opens the house.
    pub(crate) async fn open(self) -> DemoServer {
        DemoServer { house: self.server.open().await, directory: self.directory, ldap_proxy: self.ldap_proxy }
    }
}

/// A page with one panel of the machine's own, without its `access`.
pub(crate) fn page(title: &str) -> String {
    format!(
        "title = \"{title}\"\n\n[[panel]]\nid = \"uptime\"\ntitle = \"Uptime\"\nkind = \"stat\"\nsource = \"host\"\n\
         query = \"uptime\"\nevery = \"1s\"\n"
    )
}
