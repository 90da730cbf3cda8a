//! Ids made from names, so that a restart keeps the same people: SIDs (MS-DTYP 2.4.2) and GUIDs.

use sha2::{Digest, Sha256};

/// The first relative id for accounts: those below 1000 are well-known ones (MS-DTYP 2.4.2.4).
const FIRST_FREE_RID: u32 = 1000;

/// A security identifier in its binary form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DemoSid(Vec<u8>);

impl DemoSid {
    /// Makes `S-1-<authority>-<parts…>`. Fifteen parts at most, as the format has it; more are cut off.
    fn new(authority: u64, parts: &[u32]) -> Self {
        let parts = &parts[..parts.len().min(15)];
        let mut bytes = vec![1, u8::try_from(parts.len()).unwrap_or(15)];
        bytes.extend_from_slice(&authority.to_be_bytes()[2..]);
        for part in parts {
            bytes.extend_from_slice(&part.to_le_bytes());
        }
        Self(bytes)
    }

    /// The SID of the domain with this DNS name.
    pub(super) fn of_domain(dns_domain: &str) -> Self {
        let digest = digest("domain", dns_domain);
        Self::new(5, &[21, u32_at(&digest, 0), u32_at(&digest, 4), u32_at(&digest, 8)])
    }

    /// The SID of a built-in group: `S-1-5-32-<rid>`.
    pub(super) fn builtin(rid: u32) -> Self {
        Self::new(5, &[32, rid])
    }

    /// The SID of the account `rid` in this domain.
    pub(super) fn with_rid(&self, rid: u32) -> Self {
        let mut bytes = self.0.clone();
        bytes[1] += 1;
        bytes.extend_from_slice(&rid.to_le_bytes());
        Self(bytes)
    }

    /// Reads `S-1-5-…`, which Active Directory accepts in a filter instead of the bytes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("S-1-").or_else(|| text.strip_prefix("s-1-"))?;
        let mut parts = rest.split('-');
        let authority = parts.next()?.parse().ok()?;
        let parts = parts.map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>()?;
        (!parts.is_empty() && parts.len() <= 15).then(|| Self::new(authority, &parts))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The relative id made from an account's name; the caller steps on from one already taken.
pub(super) fn rid_from_name(account_name: &str) -> u32 {
    // 30 bits, as many as real domains hand out.
    FIRST_FREE_RID + (u32_at(&digest("rid", &account_name.to_lowercase()), 0) >> 2)
}

/// The `objectGUID` made from a name, in the mixed-endian order of the wire.
pub(super) fn guid_from_name(name: &str) -> [u8; 16] {
    let digest = digest("guid", &name.to_lowercase());
    let mut guid = [0; 16];
    guid.copy_from_slice(&digest[..16]);
    // Version 8 (RFC 9562: made by a rule of one's own) and the usual variant.
    guid[7] = (guid[7] & 0x0f) | 0x80;
    guid[8] = (guid[8] & 0x3f) | 0x80;
    guid
}

/// Reads a GUID in its dashed form, which Active Directory accepts in a filter, into the order of the wire.
pub(super) fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    if lengths != [8, 4, 4, 4, 12] {
        return None;
    }
    let mut guid = [0; 16];
    hex::decode_to_slice(text.replace('-', ""), &mut guid).ok()?;
    guid[..4].reverse();
    guid[4..6].reverse();
    guid[6..8].reverse();
    Some(guid)
}

fn digest(what: &str, name: &str) -> [u8; 32] {
    Sha256::digest(format!("belvedere embedded directory\0{what}\0{name}")).into()
}

fn u32_at(bytes: &[u8; 32], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_sid_reads_as_it_is_written() {
        let users = DemoSid::parse("S-1-5-32-545").unwrap();
        assert_eq!(users, DemoSid::builtin(545));
        assert_eq!(users.as_bytes(), hex::decode("01020000000000052000000021020000").unwrap());
        for bad in ["", "S-1-", "S-1-5", "S-2-5-32", "S-1-5-x", "S-1-5-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1"] {
            assert_eq!(DemoSid::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_guid_reads_in_mixed_endian_order() {
        let wire = parse_guid("00112233-4455-6677-8899-aabbccddeeff").unwrap();
        assert_eq!(wire.to_vec(), hex::decode("33221100554477668899aabbccddeeff").unwrap());
        assert_eq!(parse_guid("00112233445566778899aabbccddeeff"), None);
    }

    #[test]
    fn the_same_name_keeps_the_same_ids() {
        assert_eq!(guid_from_name("alice"), guid_from_name("ALICE"));
        assert_ne!(guid_from_name("alice"), guid_from_name("bob"));
        assert_eq!(DemoSid::of_domain("belvedere.example"), DemoSid::of_domain("belvedere.example"));
        assert!(rid_from_name("alice") >= FIRST_FREE_RID);
    }
}
