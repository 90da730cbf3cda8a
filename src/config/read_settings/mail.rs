use super::super::directory_settings::DirectoryKind;
use super::super::reader::Fields;
use super::directory::DirectorySettings;

/// Checks that `sign_in_by_mail` goes together with the rest of the table.
pub(super) fn check(settings: &DirectorySettings, fields: &Fields<'_>) {
    let location = fields.key_location("sign_in_by_mail");
    let (true, Some(location)) = (settings.sign_in_by_mail, location) else { return };
    // Active Directory shows nobody to strangers, and takes no mail address in a bind.
    if settings.service_account.is_none() && settings.kind != Some(DirectoryKind::Ldap) {
        let help = "set `bind_name` and `bind_password_file`; or write `kind = \"ldap\"`, if it is another server than \
                    Active Directory and strangers may search there";
        fields.sink.report(&location, "`sign_in_by_mail` needs an account that finds out whose address it is", help);
    } else if settings.person_filter.is_some() {
        let help = "write the address into the filter, as in `(|(uid={username})(mail={username}))`, and take \
                    `sign_in_by_mail` out";
        fields.sink.report(&location, "`sign_in_by_mail` means nothing beside a `person_filter`, which says it all", help);
    }
}
