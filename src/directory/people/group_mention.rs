use crate::domain::GroupRef;

/// A mention of a group by a page's file or a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMention {
    /// The group as it is written.
    pub group: GroupRef,
    /// The file or setting: `pages/operations.toml`, `admins.groups`.
    pub named_by: String,
}

/// Merges mentions of the same group: each group once, and beside it everybody who names it.
pub(in crate::directory) fn merge_mentions(mentions: &[GroupMention]) -> (Vec<GroupRef>, Vec<Vec<String>>) {
    let (mut groups, mut by): (Vec<GroupRef>, Vec<Vec<String>>) = (Vec::new(), Vec::new());
    for mention in mentions {
        if let Some(index) = groups.iter().position(|group| *group == mention.group) {
            by[index].push(mention.named_by.clone());
        } else {
            groups.push(mention.group.clone());
            by.push(vec![mention.named_by.clone()]);
        }
    }
    (groups, by)
}
