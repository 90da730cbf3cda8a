use super::find::{Finder, name_of, why_not};
use crate::directory::connection::{LdapConnection, OperationFault};
use crate::directory::schema::{LdapEntry, filter};
use crate::domain::GroupRef;

/// How many groups are compared with a name that names none.
const MOST_COMPARED: u16 = 200;

/// How many near misses are told.
const MOST_TOLD: usize = 3;

/// How alike two names must be, by Jaro and Winkler, from 0 to 1: below this one is a mere stranger.
const ALIKE: f64 = 0.85;

/// The shortest part of a name that is searched for: shorter ones are in every other name.
const SHORTEST_PART: usize = 3;

/// The most parts of a name that are searched for.
const MOST_PARTS: usize = 6;

/// The names of groups that come near one that names none, the nearest first. Nothing comes near a SID.
pub(super) async fn names(
    finder: &Finder<'_>,
    connection: &mut LdapConnection,
    wanted: &GroupRef,
) -> Result<Vec<String>, OperationFault> {
    let meant = match wanted {
        GroupRef::Sid(_) => return Ok(Vec::new()),
        // Whoever wrote `CORP\ops` meant `ops`, which is how it is written here.
        GroupRef::Name(name) => name.rsplit('\\').next().unwrap_or(name).to_owned(),
        GroupRef::Dn(dn) => {
            let first = dn.as_str().split(',').next().unwrap_or_default();
            first.split_once('=').map_or(first, |(_, value)| value).trim().to_owned()
        }
    };
    let clauses = clauses(&meant);
    if clauses.is_empty() {
        return Ok(Vec::new());
    }
    let filter = filter::all(&[finder.classes(), &filter::any(&clauses)]);
    let found = finder.search(connection, &filter, MOST_COMPARED).await?;
    let shown = |entry: &LdapEntry| match wanted {
        GroupRef::Dn(_) => entry.dn.clone(),
        GroupRef::Name(_) | GroupRef::Sid(_) => match finder.name {
            Some(directory) => format!("{directory}\\{}", name_of(entry)),
            None => name_of(entry).to_owned(),
        },
    };
    let counting = found.iter().filter(|entry| why_not(entry).is_none());
    let compared = counting.map(|entry| {
        let names = [entry.text("sAMAccountName"), entry.text("cn")];
        let likeness = names.into_iter().flatten().map(|name| likeness(&meant, name)).fold(0.0, f64::max);
        (likeness, shown(entry))
    });
    Ok(nearest(compared.collect()))
}

/// Where a slip of the pen leaves its traces: the name's beginning, its end, and the words in it.
fn clauses(meant: &str) -> Vec<String> {
    let length = meant.chars().count();
    if length < SHORTEST_PART {
        return Vec::new();
    }
    let head: String = meant.chars().take(SHORTEST_PART).collect();
    let tail: String = meant.chars().skip(length - SHORTEST_PART).collect();
    let words = meant.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= SHORTEST_PART);
    let words = words.map(|word| format!("*{}*", filter::escape(word)));
    let parts = [format!("{}*", filter::escape(&head)), format!("*{}", filter::escape(&tail))];
    let parts = parts.into_iter().chain(words).take(MOST_PARTS);
    parts.flat_map(|part| [format!("(sAMAccountName={part})"), format!("(cn={part})")]).collect()
}

fn likeness(meant: &str, name: &str) -> f64 {
    strsim::jaro_winkler(&meant.to_lowercase(), &name.to_lowercase())
}

fn nearest(mut compared: Vec<(f64, String)>) -> Vec<String> {
    compared.retain(|(likeness, _)| *likeness >= ALIKE);
    compared.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.cmp(other)));
    compared.dedup_by(|(_, one), (_, other)| one == other);
    compared.into_iter().take(MOST_TOLD).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_come_near_and_strangers_do_not() {
        let groups = ["dash-ops", "dash-ops-nyc", "dash-finance", "Domain Users"];
        let near = |meant: &str| nearest(groups.map(|name| (likeness(meant, name), name.to_owned())).to_vec());
        assert_eq!(near("dash-opps").first().map(String::as_str), Some("dash-ops"));
        assert_eq!(near("Dash_Ops").first().map(String::as_str), Some("dash-ops"));
        assert_eq!(near("dahs-finance").first().map(String::as_str), Some("dash-finance"));
        assert_eq!(near("printers"), Vec::<String>::new());
    }

    #[test]
    fn a_name_stays_a_value_when_it_is_searched_for_in_parts() {
        for clause in clauses("*)(cn=*") {
            assert!(ldap3::parse_filter(&clause).is_ok(), "{clause}");
            assert!(clause.matches('*').count() <= 2, "{clause}");
        }
        assert!(clauses("ab").is_empty());
        assert!(clauses("a b c d e f g hij klm nop qrs tuv wxy zab").len() <= 2 * MOST_PARTS);
    }
}
