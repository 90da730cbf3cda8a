use super::group_lookup::{GroupFinder, rejection_reason};
use crate::directory::connection::{LdapConnection, OperationFault};
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::{GroupKey, GroupRef};

/// The most groups compared with a name that names none.
const MAX_COMPARED: u16 = 200;

/// The most suggestions.
const MAX_SUGGESTIONS: usize = 3;

/// The lowest similarity of a suggestion, by Jaro and Winkler, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.85;

/// The shortest part of a name that is searched for: shorter ones are in every other name.
const MIN_PART_CHARS: usize = 3;

/// The most parts of a name that are searched for.
const MAX_PARTS: usize = 6;

/// Suggests names of groups similar to one that names none, the most similar first; none for a SID.
pub(super) async fn suggest(
    finder: &GroupFinder<'_>,
    connection: &mut LdapConnection,
    wanted: &GroupRef,
) -> Result<Vec<String>, OperationFault> {
    let meant = match wanted.key() {
        GroupKey::Sid(_) => return Ok(Vec::new()),
        // A name written `CORP\ops` means `ops`, which is how it is written here.
        GroupKey::Name(name) => name.clone(),
        GroupKey::Dn(dn) => {
            let first = dn.as_str().split(',').next().unwrap_or_default();
            first.split_once('=').map_or(first, |(_, value)| value).trim().to_owned()
        }
    };
    let clauses = part_filters(&meant);
    if clauses.is_empty() {
        return Ok(Vec::new());
    }
    let filter = filter::all(&[finder.class_filter(), &filter::any(&clauses)]);
    let found = finder.search(connection, &filter, MAX_COMPARED).await?;
    let display_name = |entry: &LdapEntry| match wanted.key() {
        GroupKey::Dn(_) => entry.dn.clone(),
        GroupKey::Name(_) | GroupKey::Sid(_) => finder.realm.qualify(finder.group_name(entry)),
    };
    let counting = found.iter().filter(|entry| rejection_reason(entry).is_none());
    let compared = counting.map(|entry| {
        let names = [entry.text("sAMAccountName"), entry.text("cn")];
        let score = names.into_iter().flatten().map(|name| similarity(&meant, name)).fold(0.0, f64::max);
        (score, display_name(entry))
    });
    Ok(best_matches(compared.collect()))
}

/// Filters by parts of a name, one of which a typing error leaves whole: its beginning, its end, and the words in it.
fn part_filters(meant: &str) -> Vec<String> {
    let length = meant.chars().count();
    if length < MIN_PART_CHARS {
        return Vec::new();
    }
    let head: String = meant.chars().take(MIN_PART_CHARS).collect();
    let tail: String = meant.chars().skip(length - MIN_PART_CHARS).collect();
    let words = meant.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= MIN_PART_CHARS);
    let words = words.map(|word| format!("*{}*", filter::escape(word)));
    let parts = [format!("{}*", filter::escape(&head)), format!("*{}", filter::escape(&tail))];
    let parts = parts.into_iter().chain(words).take(MAX_PARTS);
    parts.flat_map(|part| [format!("(sAMAccountName={part})"), format!("(cn={part})")]).collect()
}

fn similarity(meant: &str, name: &str) -> f64 {
    strsim::jaro_winkler(&meant.to_lowercase(), &name.to_lowercase())
}

fn best_matches(mut compared: Vec<(f64, String)>) -> Vec<String> {
    compared.retain(|(score, _)| *score >= MIN_SIMILARITY);
    compared.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.cmp(other)));
    compared.dedup_by(|(_, one), (_, other)| one == other);
    compared.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_come_near_and_strangers_do_not() {
        let groups = ["dash-ops", "dash-ops-nyc", "dash-finance", "Domain Users"];
        let near = |meant: &str| best_matches(groups.map(|name| (similarity(meant, name), name.to_owned())).to_vec());
        assert_eq!(near("dash-opps").first().map(String::as_str), Some("dash-ops"));
        assert_eq!(near("Dash_Ops").first().map(String::as_str), Some("dash-ops"));
        assert_eq!(near("dahs-finance").first().map(String::as_str), Some("dash-finance"));
        assert_eq!(near("printers"), Vec::<String>::new());
    }

    #[test]
    fn a_name_stays_a_value_when_it_is_searched_for_in_parts() {
        for clause in part_filters("*)(cn=*") {
            assert!(ldap3::parse_filter(&clause).is_ok(), "{clause}");
            assert!(clause.matches('*').count() <= 2, "{clause}");
        }
        assert!(part_filters("ab").is_empty());
        assert!(part_filters("a b c d e f g hij klm nop qrs tuv wxy zab").len() <= 2 * MAX_PARTS);
    }
}
