use super::super::fault::Place;
use super::super::reader::{Fields, Ledger};
use super::super::settings::{DirectoryKind, ServiceAccount};

/// `sign_in_by_mail`, as written.
pub(super) struct Mail {
    on: bool,
    place: Option<Place>,
}

impl Mail {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let place = fields.key_place("sign_in_by_mail");
        fields.or("sign_in_by_mail", false, Fields::truth).map(|on| Self { on, place })
    }

    /// The setting, if it goes together with those around it; each of them is `None` when it is faulty itself.
    pub(super) fn settled(
        self,
        account: &Option<Option<ServiceAccount>>,
        kind: &Option<Option<DirectoryKind>>,
        person_filter: &Option<Option<String>>,
        ledger: &Ledger,
    ) -> Option<bool> {
        let (true, Some(place)) = (self.on, self.place) else { return Some(self.on) };
        // Active Directory shows nobody to strangers, and a bind does not take a mail address.
        if matches!((account, kind), (Some(None), Some(None | Some(DirectoryKind::ActiveDirectory)))) {
            let help = "set `bind_name` and `bind_password_file`; on another server than Active Directory, where strangers \
                        may search, write `kind = \"ldap\"` instead";
            ledger.note(&place, "`sign_in_by_mail` needs an account that finds out whose address it is", help);
            return None;
        }
        if let Some(Some(_)) = person_filter {
            let help = "write the address into the filter, as in `(|(uid={username})(mail={username}))`, and take \
                        `sign_in_by_mail` out";
            ledger.note(&place, "`sign_in_by_mail` means nothing beside a `person_filter`, which says it all", help);
            return None;
        }
        Some(true)
    }
}
