//! A server whose people are the sample people of the embedded directory. Needs no directory server and no root.

use std::sync::Arc;

use belvedere::demo_directory::{DemoDirectory, SampleAccount, SampleDomain};
use belvedere::domain::{Clock, SystemClock};

use super::cuttable_proxy::CuttableProxy;
use super::test_server::{TestServer, TestServerBuilder};

/// The server, its directory, and the proxy between the two.
pub(crate) struct DemoServer {
    pub(crate) house: TestServer,
    pub(crate) directory: DemoDirectory,
    pub(crate) ldap_proxy: CuttableProxy,
}

/// The builder of a [`DemoServer`].
pub(crate) struct DemoServerBuilder {
    server: TestServerBuilder,
    directory: DemoDirectory,
    ldap_proxy: CuttableProxy,
}

impl DemoServer {
    /// A server on an embedded directory of its own.
    pub(crate) async fn builder() -> DemoServerBuilder {
        Self::builder_with_clock(Arc::new(SystemClock)).await
    }

    /// A server on an embedded directory of its own, by the test's clock.
    pub(crate) async fn builder_with_clock(clock: Arc<dyn Clock>) -> DemoServerBuilder {
        let directory = DemoDirectory::start(&SampleDomain::demo(), Arc::clone(&clock)).await.unwrap();
        let ldap_proxy = CuttableProxy::to(&directory.url()).await;
        let builder = TestServerBuilder::with_directory(&ldap_proxy.url()).clock(clock);
        DemoServerBuilder { server: builder, directory, ldap_proxy }
    }

    /// Shuts the server down and starts it again with its state.
    pub(crate) async fn restart(self) -> Self {
        let Self { house, directory, ldap_proxy } = self;
        let builder = TestServerBuilder::restarting(&house, &ldap_proxy.url());
        house.shut_down().await;
        Self { house: builder.open().await, directory, ldap_proxy }
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
    /// See [`TestServerBuilder::set`].
    pub(crate) fn set(mut self, path: &str, value: impl Into<serde_json::Value>) -> Self {
        self.server = self.server.set(path, value);
        self
    }

    /// See [`TestServerBuilder::page`].
    pub(crate) fn page(mut self, slug: &str, text: &str) -> Self {
        self.server = self.server.page(slug, text);
        self
    }

    /// See [`TestServerBuilder::sample_pages`].
    pub(crate) fn sample_pages(mut self) -> Self {
        self.server = self.server.sample_pages();
        self
    }

    /// Starts the server.
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
