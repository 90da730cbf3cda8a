use crate::directory::{LdapDirectory, Unreachable};
use crate::domain::{Group, GroupRef};

/// What a name in the settings or in a page turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFinding {
    /// The name as it is written.
    pub wanted: GroupRef,
    /// The groups it names: one, as a rule. None when there is none; several when the name is ambiguous.
    pub found: Vec<Group>,
    /// Names of groups that come near, when there is none.
    pub near: Vec<String>,
}

impl LdapDirectory {
    pub(in crate::directory) async fn find_all_groups(
        &self,
        _wanted: &[GroupRef],
    ) -> Result<Vec<GroupFinding>, Unreachable> {
        Err(Unreachable { reason: "not yet".to_owned(), password_sent: false })
    }
}
