//! The administrator of a test's directory, by the tools that come with OpenLDAP.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::ldif::{self, LdifAttributes};
use super::server_process;

/// An account that may change everything, and its directory.
pub(crate) struct Administrator {
    pub(crate) url: String,
    /// The CA that the server's certificate is from.
    pub(crate) ca_file: PathBuf,
    /// The DN it binds as.
    pub(crate) name: String,
    pub(crate) password: &'static str,
}

impl Administrator {
    /// Adds, changes, renames and deletes, by LDIF.
    ///
    /// # Errors
    /// When the directory refuses; its words.
    pub(crate) fn apply(&self, ldif: &str) -> io::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), ldif)?;
        server_process::run(self.tool("ldapmodify").arg("-a").arg("-f").arg(file.path())).map(drop)
    }

    /// Searches below `base`.
    ///
    /// # Errors
    /// When the directory refuses, or there is no such base; its words.
    pub(crate) fn search(&self, base: &str, filter: &str, attributes: &[&str]) -> io::Result<Vec<LdifAttributes>> {
        let mut tool = self.tool("ldapsearch");
        tool.args(["-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", base, filter]).args(attributes);
        Ok(ldif::parse(&server_process::run(&mut tool)?))
    }

    /// The first value of an attribute of the one entry that is found below `base`; `None` where it has none.
    pub(crate) fn value(&self, base: &str, filter: &str, attribute: &str) -> Option<Vec<u8>> {
        let mut found = self.search(base, filter, &[attribute]).unwrap();
        // Active Directory ends a search from its root with references, which are no entries.
        found.retain(|entry| entry.contains_key("dn"));
        assert_eq!(found.len(), 1, "one entry for {filter} below {base}: {found:?}");
        found.remove(0).remove(attribute)?.into_iter().next()
    }

    /// Searches below `base`, with values as text.
    pub(crate) fn text(&self, base: &str, filter: &str, attribute: &str) -> Option<String> {
        self.value(base, filter, attribute).map(|value| String::from_utf8(value).unwrap())
    }

    fn tool(&self, program: &str) -> Command {
        let mut tool = Command::new(program);
        tool.env("LDAPTLS_CACERT", &self.ca_file);
        tool.args(["-x", "-H", &self.url, "-D", &self.name, "-w", self.password]);
        tool
    }
}
