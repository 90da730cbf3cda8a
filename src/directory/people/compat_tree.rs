use crate::directory::schema::LdapEntry;
use crate::domain::Dn;

/// Leaves out the copies in FreeIPA's compatibility tree (`cn=compat`, which 389's plugin `slapi-nis` makes up as it is asked)
/// where what they are copies of, or anything else of their name, is there too. Nobody but the server makes entries there, so a
/// name has no second owner by them; whom it shows there alone, such as a trusted domain's people, stays.
pub(in crate::directory) fn leave_out_copies(entries: &mut Vec<LdapEntry>, base_dn: &str) {
    let is_copy = |entry: &LdapEntry| is_in_compat_tree(&entry.dn, base_dn);
    if !entries.iter().all(is_copy) {
        entries.retain(|entry| !is_copy(entry));
    }
}

/// Whether a DN is in the compatibility tree below this base.
pub(in crate::directory) fn is_in_compat_tree(dn: &str, base_dn: &str) -> bool {
    match (dn.parse::<Dn>(), format!("cn=compat,{base_dn}").parse::<Dn>()) {
        (Ok(dn), Ok(compat)) => dn.is_within(&compat),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_no_second_owner_of_a_name_and_anybody_else_is() {
        let left = |dns: &[&str]| {
            let mut entries: Vec<_> = dns.iter().map(|dn| LdapEntry::with(dn, &[])).collect();
            leave_out_copies(&mut entries, "dc=example,dc=org");
            entries.into_iter().map(|entry| entry.dn).collect::<Vec<_>>()
        };
        let original = "uid=alice,cn=users,cn=accounts,dc=example,dc=org";
        let copy = "uid=alice,cn=users,cn=compat,dc=example,dc=org";
        let other = "uid=alice,ou=cn\\=compat,dc=example,dc=org";
        assert_eq!(left(&[copy, original]), [original]);
        assert_eq!(left(&[copy]), [copy]);
        assert_eq!(left(&[copy, original, other]), [original, other]);
        let elsewhere = "uid=alice,cn=compat,ou=branch,dc=example,dc=org";
        assert_eq!(left(&[original, elsewhere]), [original, elsewhere], "whoever has a branch may call it so");
    }
}
