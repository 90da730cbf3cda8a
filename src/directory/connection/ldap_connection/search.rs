use std::sync::Arc;
use std::time::Duration;

use ldap3::asn1::{Types, parse_tag};
use ldap3::controls::{Control, PagedResults, RawControl};
use ldap3::{Ldap, LdapResult, Scope, SearchOptions};
use tokio::time::timeout;

use super::{AnswerWait, LdapConnection, NoAnswer};
use crate::directory::connection::Unreachable;
use crate::directory::connection::driver::{ConnectionDriver, ReceivedBytes, poll_on_fitting_stack};
use crate::directory::connection::fault::{OperationFault, OperationKind, result_code};
use crate::directory::schema::LdapEntry;

/// The longest time an abandon request may take to send.
const ABANDON_TIMEOUT: Duration = Duration::from_millis(250);

/// The most bytes kept of one search's entries, names and values together: some hundred thousand members of groups. Whoever
/// needs what a larger answer has asks for less at a time.
const MAX_SEARCH_BYTES: usize = 8 * 1024 * 1024;

/// The most entries of one page (RFC 2696): what Active Directory and OpenLDAP send at once unless they are told otherwise.
const PAGE_SIZE: u16 = 500;

/// The results by which a server refuses pages, or pages of this size, to this account: OpenLDAP's (`size.pr`, `size.prtotal`), others',
/// and those of servers that take the control for a critical one (RFC 4511, 4.1.11).
const PAGING_REFUSALS: [u32; 3] =
    [result_code::ADMIN_LIMIT_EXCEEDED, result_code::UNWILLING, result_code::UNAVAILABLE_CRITICAL_EXTENSION];

/// The most pages of one search: what is wanted of any, where a server sends a fifth of what a page may have.
const MAX_PAGES: usize = 100;

/// The bytes received in an operation from which a server counts as answering, however long the answer takes.
const MIN_ANSWERING_BYTES: usize = 1024 * 1024;

/// The control of the answer that says where the next page begins (RFC 2696, 2).
const PAGED_RESULTS_CONTROL: &str = "1.2.840.113556.1.4.319";

/// A search request (RFC 4511, 4.5.1).
pub(in crate::directory) struct SearchRequest<'a> {
    pub(in crate::directory) base: &'a str,
    pub(in crate::directory) scope: Scope,
    pub(in crate::directory) filter: &'a str,
    pub(in crate::directory) attributes: &'a [&'a str],
    /// The most entries wanted, enforced here too: a server may ignore it. Many are asked for in pages.
    pub(in crate::directory) limit: u16,
}

/// The entries that a search found.
#[derive(Debug, Default)]
pub(in crate::directory) struct SearchResult {
    pub(in crate::directory) entries: Vec<LdapEntry>,
    /// The reason why these are not all; `None` when they are.
    pub(in crate::directory) truncated: Option<Truncation>,
}

/// The reason why a search brought only some of the entries that there are. Each is a matter of what was asked, and says
/// nothing of the server's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) enum Truncation {
    /// There are more than were wanted.
    Limit,
    /// The server sends no more of them to this account.
    SizeLimit,
    /// The server looks no longer for this account.
    TimeLimit,
    /// The server looks through no more entries for this account.
    WorkLimit,
    /// They are larger together than is kept.
    TooLarge,
    /// They were still coming when the time was over.
    TimedOut,
    /// One of them cannot be read.
    Malformed,
}

impl Truncation {
    /// The reason in words, with what to do about it.
    pub(in crate::directory) fn in_words(self) -> &'static str {
        match self {
            Self::Limit => "there are more than are read at once",
            Self::SizeLimit => {
                "the server sends this account only some of them (result 4): raise its size limit for bind_name (OpenLDAP: \
                 `limits`, 389: nsSizeLimit)"
            }
            Self::TimeLimit => {
                "the server does not look so long for this account (result 3): index the attributes in the filter, or raise \
                 its time limit for bind_name (OpenLDAP: `limits`, 389: nsTimeLimit)"
            }
            Self::WorkLimit => {
                "the server does not look through so many entries for this account (result 11): index the attributes in the \
                 filter, or raise its limits for bind_name (OpenLDAP: `limits`, 389: nsLookThroughLimit)"
            }
            Self::TooLarge => "the answer is larger than 8 MiB",
            Self::TimedOut => "the answer was still coming when the time was over (operation_timeout)",
            Self::Malformed => "an entry in the answer cannot be read",
        }
    }

    fn of_result(code: u32) -> Option<Self> {
        [Self::SizeLimit, Self::TimeLimit, Self::WorkLimit].into_iter().find(|limit| limit.result_code() == Some(code))
    }

    /// The fault where nothing can be said without the entries that are missing; `what` says what that is.
    pub(in crate::directory) fn into_fault(self, what: &str) -> OperationFault {
        let reason = format!("{what}: {}", self.in_words());
        let unreachable = Unreachable { result_code: self.result_code(), ..Unreachable::new(reason) };
        OperationFault::refused(OperationKind::Search, unreachable.into())
    }

    /// The result code by which the server told so, where it did.
    pub(in crate::directory) fn result_code(self) -> Option<u32> {
        match self {
            Self::SizeLimit => Some(result_code::SIZE_LIMIT_EXCEEDED),
            Self::TimeLimit => Some(result_code::TIME_LIMIT_EXCEEDED),
            Self::WorkLimit => Some(result_code::ADMIN_LIMIT_EXCEEDED),
            Self::Limit | Self::TooLarge | Self::TimedOut | Self::Malformed => None,
        }
    }
}

impl LdapConnection {
    /// One search. References to other servers in its answer are passed over, never followed.
    ///
    /// # Errors
    /// Any result but success and a limit exceeded, which only truncates the answer; its code is in the fault.
    pub(in crate::directory) async fn search(
        &mut self,
        operation: OperationKind,
        search: &SearchRequest<'_>,
    ) -> Result<SearchResult, OperationFault> {
        let wait = self.start_operation();
        let time_limit = i32::try_from(self.operation_timeout.as_secs().max(1)).unwrap_or(i32::MAX);
        let (ldap, driver) = self.ldap_and_driver();
        let received = Arc::clone(driver.received());
        let is_paged = search.limit > PAGE_SIZE;
        let run = RunningSearch { ldap, driver, received: &received, wait: &wait, time_limit, search, is_paged };
        let answer = poll_on_fitting_stack(Arc::clone(&received), run.collect()).await;
        // Of a search that was abandoned, answers may be there in part.
        let is_whole = matches!(&answer, Ok((SearchResult { truncated: None | Some(Truncation::SizeLimit), .. }, _)));
        if is_whole {
            received.reset();
        }
        self.metrics.record(operation, answer.as_ref().ok().map(|(_, result)| result.rc), wait.started);
        // Nobody knows how much of an answer that was too late is still on its way.
        self.in_flight &= !matches!(&answer, Ok((found, _)) if found.truncated != Some(Truncation::TimedOut));
        match answer {
            Ok((found, result)) if result.rc == result_code::SUCCESS || Truncation::of_result(result.rc).is_some() => Ok(found),
            Ok((_, result)) => {
                let base = if search.base.is_empty() { "the RootDSE" } else { search.base };
                Err(OperationFault::from_result(operation, &result, &format!("the search below {base} failed")))
            }
            Err(no_answer) => Err(self.to_fault(operation, &no_answer)),
        }
    }
}

/// A search on its way, page by page.
struct RunningSearch<'a> {
    ldap: &'a mut Ldap,
    driver: &'a mut ConnectionDriver,
    received: &'a ReceivedBytes,
    wait: &'a AnswerWait,
    time_limit: i32,
    search: &'a SearchRequest<'a>,
    is_paged: bool,
}

impl RunningSearch<'_> {
    /// Sends the search and collects its entries.
    async fn collect(mut self) -> Result<(SearchResult, LdapResult), NoAnswer> {
        let (mut found, mut size, mut cookie) = (SearchResult::default(), 0, Vec::new());
        for _ in 0..MAX_PAGES {
            let result = self.read_page(&mut found, &mut size, cookie).await?;
            if self.is_paged && found.entries.is_empty() && PAGING_REFUSALS.contains(&result.rc) {
                // It may be given all at once what it is not given in pages.
                (self.is_paged, found, cookie) = (false, SearchResult::default(), Vec::new());
                continue;
            }
            cookie = next_page(&result.ctrls).unwrap_or_default();
            // A server that sends everything at once does not know of pages.
            if !matches!(found.truncated, None | Some(Truncation::Malformed)) || cookie.is_empty() {
                return Ok((found, result));
            }
            if found.entries.len() >= usize::from(self.search.limit) {
                break;
            }
        }
        found.truncated = Some(Truncation::Limit);
        Ok((found, success()))
    }

    /// Sends the search for one page, and adds its entries to those found, of this size.
    async fn read_page(&mut self, found: &mut SearchResult, size: &mut usize, cookie: Vec<u8>) -> Result<LdapResult, NoAnswer> {
        let &SearchRequest { base, scope, filter, attributes, limit } = self.search;
        // The size limit is the whole search's, and a server may refuse one that is higher than its own where it sends pages.
        let size_limit = if self.is_paged { 0 } else { limit.into() };
        self.ldap.with_search_options(SearchOptions::new().sizelimit(size_limit).timelimit(self.time_limit));
        if self.is_paged {
            let page = PagedResults { size: PAGE_SIZE.into(), cookie };
            // Not critical: a server that knows no pages sends what it has.
            self.ldap.with_controls(vec![RawControl::from(page)]);
        }
        let (driver, wait) = (&mut *self.driver, self.wait);
        let mut stream = wait.until_answered(driver.drive(self.ldap.streaming_search(base, scope, filter, attributes))).await?;
        let mut is_heard_between = false;
        loop {
            let item = match wait.until_answered(driver.drive(stream.next())).await {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(NoAnswer::TimedOut) => {
                    abandon(stream.ldap_handle(), driver).await;
                    let is_large = !is_heard_between && self.received.count() >= MIN_ANSWERING_BYTES;
                    if found.entries.is_empty() && !is_large {
                        return Err(NoAnswer::TimedOut);
                    }
                    found.truncated = Some(Truncation::TimedOut);
                    return Ok(success());
                }
                Err(no_answer) => return Err(no_answer),
            };
            if item.is_ref() || item.is_intermediate() {
                is_heard_between |= item.is_intermediate();
                continue;
            }
            // A server may send more than was wanted.
            let is_enough = found.entries.len() == usize::from(limit);
            let Some(entry) = LdapEntry::from_result(item).ok().filter(|_| !is_enough) else {
                found.truncated = Some(if is_enough { Truncation::Limit } else { Truncation::Malformed });
                if is_enough {
                    abandon(stream.ldap_handle(), driver).await;
                    return Ok(success());
                }
                continue;
            };
            *size += entry.size();
            if *size > MAX_SEARCH_BYTES {
                found.truncated = Some(Truncation::TooLarge);
                abandon(stream.ldap_handle(), driver).await;
                return Ok(success());
            }
            found.entries.push(entry);
        }
        let result = stream.finish().await;
        found.truncated = Truncation::of_result(result.rc).or(found.truncated);
        Ok(result)
    }
}

/// The cookie of the next page; `None` behind the last one.
fn next_page(controls: &[Control]) -> Option<Vec<u8>> {
    let Control(_, control) = controls.iter().find(|Control(_, control)| control.ctype == PAGED_RESULTS_CONTROL)?;
    // The crate's own reader panics on what is none.
    let ([], value) = parse_tag(control.val.as_deref()?).ok()? else { return None };
    let [_estimate, cookie] = <[_; 2]>::try_from(value.match_id(Types::Sequence as u64)?.expect_constructed()?).ok()?;
    cookie.expect_primitive().filter(|cookie| !cookie.is_empty())
}

/// Abandons the last request of this handle (RFC 4511, 4.11): a search's own handle, as the connection's does not know
/// its id. A courtesy: whether the server hears it makes no difference here.
async fn abandon(ldap: &mut Ldap, driver: &mut ConnectionDriver) {
    let asked = ldap.last_id();
    let _ = timeout(ABANDON_TIMEOUT, driver.drive(ldap.abandon(asked))).await;
}

fn success() -> LdapResult {
    LdapResult { rc: result_code::SUCCESS, matched: String::new(), text: String::new(), refs: Vec::new(), ctrls: Vec::new() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::super::tests::{answer, connected};
    use super::*;

    fn octets(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x84][..], &u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
    }

    fn message(id: u8, operation: &[u8], controls: &[u8]) -> Vec<u8> {
        octets(0x30, &[&octets(0x02, &[id]), operation, controls].concat())
    }

    fn entry(id: u8, dn: &[u8], value: &[u8]) -> Vec<u8> {
        let attribute = octets(0x30, &[octets(0x04, b"cn"), octets(0x31, &octets(0x04, value))].concat());
        message(id, &octets(0x64, &[octets(0x04, dn), octets(0x30, &attribute)].concat()), &[])
    }

    fn done(id: u8, code: u8, cookie: Option<&[u8]>) -> Vec<u8> {
        let controls = cookie.map(|cookie| {
            let value = octets(0x30, &[octets(0x02, &[0]), octets(0x04, cookie)].concat());
            octets(0xa0, &octets(0x30, &[octets(0x04, PAGED_RESULTS_CONTROL.as_bytes()), octets(0x04, &value)].concat()))
        });
        let result = octets(0x65, &[octets(0x0a, &[code]), octets(0x04, b""), octets(0x04, b"")].concat());
        message(id, &result, &controls.unwrap_or_default())
    }

    fn anybody(limit: u16) -> SearchRequest<'static> {
        SearchRequest { base: "", scope: Scope::Subtree, filter: "(cn=*)", attributes: &[], limit }
    }

    async fn found(limit: u16, answers: &[u8]) -> (SearchResult, LdapConnection, TcpStream) {
        let (mut connection, mut server) = connected(Duration::from_mins(1)).await;
        let request = anybody(limit);
        let search = connection.search(OperationKind::Search, &request);
        let (found, ()) = tokio::join!(search, answer(&mut server, answers));
        (found.unwrap(), connection, server)
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_is_given_up_and_is_no_fault_of_the_servers() {
        let large = vec![b'x'; MAX_SEARCH_BYTES];
        let (found, connection, _server) = found(9, &[entry(1, b"cn=a", b"a"), entry(1, b"cn=b", &large)].concat()).await;
        assert_eq!((found.entries.len(), found.truncated), (1, Some(Truncation::TooLarge)));
        assert!(connection.is_usable());
    }

    #[tokio::test]
    async fn an_entry_that_cannot_be_read_is_passed_over_and_told() {
        let hollow = message(1, &[0x64, 0x00], &[]);
        for odd in [entry(1, &[0xff], b"a"), hollow] {
            let answers = [odd, entry(1, b"cn=b", b"b"), done(1, 0, None)].concat();
            let (found, connection, _server) = found(9, &answers).await;
            assert_eq!((found.entries.len(), found.truncated), (1, Some(Truncation::Malformed)));
            assert!(connection.is_usable());
        }
    }

    #[tokio::test]
    async fn a_limit_of_the_servers_truncates_an_answer_and_another_result_is_a_fault() {
        for (code, truncation) in [(3, Truncation::TimeLimit), (4, Truncation::SizeLimit), (11, Truncation::WorkLimit)] {
            let (found, ..) = found(9, &[entry(1, b"cn=a", b"a"), done(1, code, None)].concat()).await;
            assert_eq!((found.entries.len(), found.truncated), (1, Some(truncation)));
        }
    }

    #[tokio::test]
    async fn many_entries_are_asked_for_page_by_page() {
        let (mut connection, mut server) = connected(Duration::from_mins(1)).await;
        let request = anybody(PAGE_SIZE + 1);
        let serves = async {
            let (one, other) = (entry(1, b"cn=a", b"a"), entry(2, b"cn=b", b"b"));
            answer(&mut server, &[one, done(1, 0, Some(b"second"))].concat()).await;
            let mut heard = Vec::with_capacity(1024);
            server.read_buf(&mut heard).await.unwrap();
            server.write_all(&[other, done(2, 0, Some(b""))].concat()).await.unwrap();
            heard
        };
        let (found, heard) = tokio::join!(connection.search(OperationKind::Search, &request), serves);
        let found = found.unwrap();
        assert_eq!((found.entries.len(), found.truncated), (2, None));
        assert!(heard.windows(6).any(|window| window == b"second"), "it goes on where the page before ended");
    }

    #[tokio::test]
    async fn where_pages_are_refused_all_is_asked_for_at_once() {
        for code in PAGING_REFUSALS {
            let (mut connection, mut server) = connected(Duration::from_mins(1)).await;
            let request = anybody(PAGE_SIZE + 1);
            let serves = async {
                answer(&mut server, &done(1, u8::try_from(code).unwrap(), None)).await;
                answer(&mut server, &[entry(2, b"cn=a", b"a"), done(2, 0, None)].concat()).await;
            };
            let (found, ()) = tokio::join!(connection.search(OperationKind::Search, &request), serves);
            let found = found.unwrap();
            assert_eq!((found.entries.len(), found.truncated), (1, None), "{code}");
        }
    }

    #[test]
    fn what_is_no_cookie_is_the_last_page() {
        let of = |value: &[u8]| {
            let control = RawControl { ctype: PAGED_RESULTS_CONTROL.to_owned(), crit: false, val: Some(value.to_vec()) };
            next_page(&[Control(None, control)])
        };
        assert_eq!(of(&[0x30, 6, 2, 1, 0, 4, 1, 7]), Some(vec![7]));
        for bad in [&[][..], &[0x30], &[0x30, 0], &[0x30, 5, 2, 1, 0, 4, 0], &[0x30, 3, 2, 1, 0], &[0x04, 1, 7]] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
