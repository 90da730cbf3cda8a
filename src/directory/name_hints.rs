use super::client::LdapDirectory;
use super::directories::Directories;
use crate::config::FilterTemplate;

/// The name that the examples are made of.
const SAMPLE_NAME: &str = "jmueller";

/// The ways in which people can write their names, for the sign-in form. Nothing is shown there that does not work here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameHints {
    /// Names of the default directory, the shortest first: `jmueller`, `CORP\jmueller`, `jmueller@corp.example.com`.
    pub examples: Vec<String>,
    /// Whether a mail address will do.
    pub takes_mail_address: bool,
}

impl Directories {
    /// The ways in which people can write their names, as far as that is known without asking.
    pub fn name_hints(&self) -> NameHints {
        let takes_mail_address = self.all().any(LdapDirectory::takes_mail_address);
        let default = self.all().next().map(LdapDirectory::name_examples).unwrap_or_default();
        NameHints { examples: default, takes_mail_address }
    }
}

impl LdapDirectory {
    fn takes_mail_address(&self) -> bool {
        let filter = self.settings.person_filter.as_ref();
        let is_by_mail = |filter: &FilterTemplate| {
            filter.comparisons().iter().any(|comparison| comparison.attribute.eq_ignore_ascii_case("mail"))
        };
        self.settings.sign_in_by_mail || filter.is_some_and(is_by_mail)
    }

    fn name_examples(&self) -> Vec<String> {
        let down_level = self.netbios_name.get().map(|domain| format!("{domain}\\{SAMPLE_NAME}"));
        // An admin's own filter may know no domain.
        let domain = self.known_profile().and_then(|profile| profile.domain.as_ref());
        let principal = domain.map(|domain| format!("{SAMPLE_NAME}@{}", domain.dns_name));
        std::iter::once(SAMPLE_NAME.to_owned()).chain(down_level).chain(principal).collect()
    }
}
