/// The entries that are groups outside Active Directory: of the usual schemas' classes, or with members.
const USUAL_GROUPS: &str = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)\
                            (objectClass=groupOfMembers)(objectClass=groupOfURLs)(objectClass=group)\
                            (member=*)(uniqueMember=*)(memberUid=*))";

/// The entries that may be groups where the settings' `group_filter` has classes of its own.
const CUSTOM_GROUPS: &str = "(!(objectClass=person))";

/// The filter for entries that are groups outside Active Directory.
pub(super) fn filter(is_custom: bool) -> &'static str {
    if is_custom { CUSTOM_GROUPS } else { USUAL_GROUPS }
}
