use serde::Serialize;

use crate::web::links::Link;

/// The ways on from a part of a long list: back to its beginning, and to what follows.
#[derive(Debug, Serialize)]
pub(in crate::web) struct Paging {
    first: Option<Link>,
    next: Option<Link>,
}

impl Paging {
    /// The ways on in the list that begins at `list`; `is_continued` when this part is not its first.
    pub(in crate::web) fn of(list: Link, is_continued: bool, next: Option<Link>) -> Self {
        Self { first: is_continued.then_some(list), next }
    }
}

/// Cuts a list to the size of a page, when one row more was asked for than it shows; whether the list goes on.
pub(in crate::web) fn cut_to_page<Row>(rows: &mut Vec<Row>, size: usize) -> bool {
    let goes_on = rows.len() > size;
    rows.truncate(size);
    goes_on
}
