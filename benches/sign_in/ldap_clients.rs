//! The clients that ours is compared with, by the crate `ldap3`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::slapd::{BASE_DN, PASSWORD, SERVICE_DN, dn, uid};

/// The address of the directory, and the CA to trust.
pub(crate) struct Directory {
    url: String,
    tls: Arc<ClientConfig>,
}

impl Directory {
    pub(crate) fn new(address: SocketAddr, ca_file: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca_file).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { url: format!("ldaps://localhost:{}", address.port()), tls: Arc::new(tls) }
    }

    async fn connect(&self) -> Result<Ldap, LdapError> {
        let settings = LdapConnSettings::new().set_config(Arc::clone(&self.tls));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, &self.url).await?;
        tokio::spawn(connection.drive());
        Ok(ldap)
    }

    async fn connect_service(&self) -> Result<Ldap, LdapError> {
        let mut ldap = self.connect().await?;
        ldap.simple_bind(SERVICE_DN, PASSWORD).await?.success()?;
        Ok(ldap)
    }
}

/// (a): two connections that are kept, one that searches and one that binds.
pub(crate) struct Bare {
    service: Ldap,
    own: Ldap,
    with_groups: bool,
}

impl Bare {
    pub(crate) async fn new(directory: &Directory, with_groups: bool) -> Result<Self, LdapError> {
        Ok(Self { service: directory.connect_service().await?, own: directory.connect().await?, with_groups })
    }

    pub(crate) async fn signs_in(&mut self, person: usize) -> Result<(), LdapError> {
        let found = find(&mut self.service, person).await?;
        self.own.simple_bind(&found, PASSWORD).await?.success()?;
        if self.with_groups {
            // What the program asks too: the person's groups, and theirs.
            let uid = uid(person);
            let members = format!("(|(member={found})(uniqueMember={found})(memberUid={uid}))");
            for group in groups(&mut self.service, &members).await? {
                let parents = format!("(|(member={group})(uniqueMember={group})(memberUid={group}))");
                groups(&mut self.service, &parents).await?;
            }
        }
        Ok(())
    }
}

/// (b): a new connection for every sign-in, and all that the server knows of its schema first.
pub(crate) async fn sign_in_classically(directory: &Directory, person: usize) -> Result<(), LdapError> {
    let mut ldap = directory.connect().await?;
    let (root, _) = ldap.search("", Scope::Base, "(objectClass=*)", ["*", "subschemaSubentry"]).await?.success()?;
    let root = root.into_iter().next().map(SearchEntry::construct);
    let subschema = root.and_then(|root| root.attrs.get("subschemaSubentry")?.first().cloned()).unwrap_or_default();
    let (schema, _) = ldap.search(&subschema, Scope::Base, "(objectClass=*)", ["*", "+"]).await?.success()?;
    let definitions: usize = schema
        .into_iter()
        .map(SearchEntry::construct)
        .flat_map(|entry| entry.attrs.into_values())
        .map(|values| values.len())
        .sum();
    assert!(definitions > 100, "a schema has hundreds of definitions");
    ldap.simple_bind(SERVICE_DN, PASSWORD).await?.success()?;
    let found = find(&mut ldap, person).await?;
    ldap.simple_bind(&found, PASSWORD).await?.success()?;
    ldap.unbind().await
}

/// The DN of a person, found by name with the attributes that the program asks for.
async fn find(service: &mut Ldap, person: usize) -> Result<String, LdapError> {
    let people = "(|(objectClass=inetOrgPerson)(objectClass=posixAccount)(objectClass=person)(objectClass=account))";
    let filter = format!("(&{people}(uid={}))", uid(person));
    let attributes = ["entryUUID", "uid", "displayName", "cn", "memberOf"];
    let (entries, _) = service.search(BASE_DN, Scope::Subtree, &filter, attributes).await?.success()?;
    let found = entries.into_iter().map(SearchEntry::construct).next().map(|entry| entry.dn).unwrap_or_default();
    assert_eq!(found, dn(person));
    Ok(found)
}

async fn groups(service: &mut Ldap, filter: &str) -> Result<Vec<String>, LdapError> {
    let (entries, _) = service.search(BASE_DN, Scope::Subtree, filter, ["cn"]).await?.success()?;
    Ok(entries.into_iter().map(|entry| SearchEntry::construct(entry).dn).collect())
}
