//! The demo's people and groups: life-like names, and one account for every way a sign-in can end.

use super::sample::{SampleAccountState, SampleDomain, SampleGroup, SampleLockoutPolicy, SamplePerson};

impl SampleDomain {
    /// The domain that `belvedere demo` serves. Every password is the username, a hyphen and `demo`.
    pub fn demo() -> Self {
        Self {
            dns_domain: "belvedere.example".to_owned(),
            netbios_name: "DEMO".to_owned(),
            lockout: SampleLockoutPolicy::default(),
            people: people(),
            groups: groups(),
        }
    }
}

fn people() -> Vec<SamplePerson> {
    [active_people(), refused_people(), non_human_accounts()].concat()
}

fn active_people() -> Vec<SamplePerson> {
    let active = |username, given_name, surname, post, outcome| {
        person(username, given_name, surname, post, SampleAccountState::Active, outcome)
    };
    vec![
        active("alice", "Alice", "Johnson", ("Site lead", "New York"), "may open Operations, through dash-ops-nyc"),
        SamplePerson {
            common_name: "Müller, Jörg (Sales)".to_owned(),
            ..active("jmueller", "Jörg", "Müller", ("Sales", "Montréal"), "may open Operations; a CN with a comma")
        },
        active("bob", "Bob", "Marchetti", ("Controller", "New York"), "in dash-finance; may not open Operations"),
        active("carol", "Carol", "Ng", ("Designer", "Los Angeles"), "in no group; public and signed-in pages only"),
        active("grace", "Grace", "Okafor", ("IT", "New York"), "an administrator; may open Operations"),
        active("s.o'neil", "Seán", "O'Neil", ("Technician", "Los Angeles"), "may open Operations; an apostrophe"),
        SamplePerson {
            principal: Some("zoe.luczak@southside.example".to_owned()),
            ..active("zoe", "Zoë", "Łuczak", ("Planner", "Montréal"), "may open Operations; has another UPN suffix")
        },
    ]
}

fn refused_people() -> Vec<SamplePerson> {
    use SampleAccountState::{AccountExpired, Disabled, Locked, MustChangePassword, PasswordExpired};
    let (technician, accountant) = (("Technician", "New York"), ("Accountant", "Montréal"));
    vec![
        person("dave", "Dave", "Lindqvist", technician, Disabled, "disabled"),
        person("erin", "Erin", "Castellanos", ("Contractor", "Los Angeles"), AccountExpired, "the account has expired"),
        person("frank", "Frank", "van der Berg", technician, Locked, "locked"),
        person("heidi", "Heidi", "Weiß", accountant, MustChangePassword, "must change the password first"),
        person("ivan", "Ivan", "Petrović", accountant, PasswordExpired, "the password has expired"),
    ]
}

fn non_human_accounts() -> Vec<SamplePerson> {
    vec![
        SamplePerson {
            common_name: r"Lobby screen #2 * (NYC\LA)".to_owned(),
            display_name: "Lobby screen 2".to_owned(),
            ..person(
                "lobby",
                "",
                "Lobby",
                ("Wall display", "New York"),
                SampleAccountState::Active,
                "may open Operations; a CN with every awkward character",
            )
        },
        SamplePerson {
            common_name: "Belvedere Reader".to_owned(),
            display_name: "Belvedere Reader".to_owned(),
            ..person(
                "svc-reader",
                "",
                "Reader",
                ("Service account", "Services"),
                SampleAccountState::Active,
                "a service account, for bind_name and bind_password",
            )
        },
    ]
}

fn groups() -> Vec<SampleGroup> {
    vec![
        group("dash-ops", "May open Operations", &["dash-ops-nyc", "dash-ops-la", "dash-ops-mtl", "dash-admins"]),
        group("dash-ops-nyc", "Operations, New York", &["alice", "dave", "frank", "lobby"]),
        group("dash-ops-la", "Operations, Los Angeles", &["s.o'neil", "erin"]),
        group("dash-ops-mtl", "Operations, Montréal", &["jmueller", "zoe"]),
        group("dash-finance", "May open Finance", &["bob", "heidi", "ivan"]),
        group("dash-admins", "Administers the boards", &["grace"]),
        SampleGroup {
            common_name: Some("Gäste, extern (Büro)".to_owned()),
            ..group("guests-extern", "Guests of the office; a CN with a comma and brackets", &["zoe"])
        },
        SampleGroup { security: false, ..group("newsletter", "A mailing list: it grants nothing", &["alice", "carol"]) },
    ]
}

fn person(
    username: &str,
    given_name: &str,
    surname: &str,
    (title, unit): (&str, &str),
    state: SampleAccountState,
    outcome: &str,
) -> SamplePerson {
    let full_name = format!("{given_name} {surname}").trim().to_owned();
    SamplePerson {
        username: username.to_owned(),
        password: format!("{username}-demo"),
        given_name: given_name.to_owned(),
        surname: surname.to_owned(),
        common_name: full_name.clone(),
        display_name: full_name,
        title: title.to_owned(),
        unit: unit.to_owned(),
        principal: None,
        state,
        outcome: outcome.to_owned(),
    }
}

fn group(name: &str, description: &str, members: &[&str]) -> SampleGroup {
    SampleGroup {
        name: name.to_owned(),
        common_name: None,
        description: description.to_owned(),
        security: true,
        members: members.iter().map(|member| (*member).to_owned()).collect(),
    }
}
