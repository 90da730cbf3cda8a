//! The diagnostics of a directory, told so that a newcomer knows what to do: `doctor`, `can`, `init` and `check
//! --online`, on set-ups that are broken in each of the usual ways, and on ones that work.

use std::fs::File;
use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::certificates::{TestAuthority, TestCertificate};
use crate::harness::dns::DnsServer;
use crate::harness::free_port::free_port;
use crate::harness::ldif::LdifChange;
use crate::harness::program::{RunningProgram, belvedere, run_to_end, text};
use crate::harness::silent_tls_server::SilentTlsServer;
use crate::harness::visitor::Visitor;
use crate::harness::{samba, slapd};
use crate::lockout::password_settings;

/// A page for a group, in order in every other way.
const OPERATIONS: &str = "title = \"Operations\"\naccess = { groups = [\"dash-ops\"] }\n\n[[panel]]\ntitle = \"Up\"\n\
                          kind = \"stat\"\nsource = \"host\"\nquery = \"uptime\"\nevery = \"1s\"\n";

/// A password that is nobody's, and must not be seen again anywhere.
const WRONG: &str = "Never-To-Be-Seen-9";

/// A folder as an admin has it.
struct DoctorSite {
    folder: TempDir,
}

/// The outcome of a command.
struct DoctorOutput {
    code: i32,
    words: String,
}

impl DoctorSite {
    /// Settings beneath `[default.directory]`, and the pages.
    fn new(directory: &str, pages: &[(&str, &str)]) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        // Whoever must not answer has little time for it.
        let settings = format!("[default.directory]\ndial_timeout = \"1s\"\noperation_timeout = \"2s\"\n{directory}");
        site.write("Rocket.toml", &settings);
        std::fs::create_dir(site.folder.path().join("pages")).unwrap();
        for (slug, page) in pages {
            site.write(&format!("pages/{slug}.toml"), page);
        }
        site
    }

    /// A site on the domain controller, searched by its service account.
    fn on(domain: &samba::SambaDomain, pages: &[(&str, &str)]) -> Self {
        let site = Self::new(
            &format!(
                "url = \"{}\"\nca_file = \"{}\"\nbind_name = \"{}\"\nbind_password_file = \"secret\"\n",
                domain.ldaps_url(),
                domain.ca_file.display(),
                samba::SERVICE_ACCOUNT
            ),
            pages,
        );
        site.write("secret", samba::PASSWORD);
        site
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn runs(&self, arguments: &[&str]) -> DoctorOutput {
        self.runs_with("", arguments).await
    }

    /// Runs a command with something on standard input.
    async fn runs_with(&self, input: &str, arguments: &[&str]) -> DoctorOutput {
        self.write("input", input);
        let mut command = belvedere(self.path(), arguments);
        command.stdin(File::open(self.path().join("input")).unwrap());
        let output = run_to_end(command).await;
        let words = text(&output.stdout) + &text(&output.stderr);
        for secret in [samba::PASSWORD, slapd::PASSWORD, WRONG] {
            assert!(!words.contains(secret), "a password is printed: {words}");
        }
        DoctorOutput { code: output.status.code().unwrap(), words }
    }
}

impl DoctorOutput {
    /// The command failed, and said all of this.
    fn fails_with(&self, expected: &[&str]) -> &Self {
        assert_eq!(self.code, 1, "{}", self.words);
        self.says(expected)
    }

    /// The command ended well, and said all of this.
    fn ends_well_with(&self, expected: &[&str]) -> &Self {
        assert_eq!(self.code, 0, "{}", self.words);
        self.says(expected)
    }

    fn says(&self, expected: &[&str]) -> &Self {
        for part in expected {
            assert!(self.words.contains(part), "{part:?} in\n{}", self.words);
        }
        self
    }
}

fn with_ca(url: &str, ca_file: &Path) -> String {
    format!("url = \"{url}\"\nca_file = \"{}\"\n", ca_file.display())
}

/// The file name of a CA certificate in the settings of a site that trusts it.
fn believing_in(authority: &TestAuthority, url: &str) -> DoctorSite {
    let site = DoctorSite::new(&format!("url = \"{url}\"\nca_file = \"ca.pem\"\n"), &[]);
    site.write("ca.pem", &authority.pem());
    site
}

async fn showing(identity: &TestCertificate) -> SilentTlsServer {
    SilentTlsServer::presenting(&identity.certificate, &identity.key).await
}

#[tokio::test]
async fn a_bad_name_is_told_with_what_to_correct() {
    let site = DoctorSite::new("url = \"ldaps://dc1.no-such-domain.invalid\"\n", &[("ops", OPERATIONS)]);
    site.runs(&["doctor"]).await.fails_with(&[
        "FAILED  name",
        "dc1.no-such-domain.invalid has no address",
        "-> correct url",
        "nslookup -type=SRV _ldap._tcp.no-such-domain.invalid",
        "1 step failed",
        "[default.directory]",
    ]);
}

#[tokio::test]
async fn a_closed_port_is_told_with_what_to_check() {
    let closed = format!("127.0.0.1:{}", free_port().unwrap());
    let site = DoctorSite::new(&format!("url = \"ldaps://{closed}\"\n"), &[]);
    let said = site.runs(&["doctor"]).await;
    said.fails_with(&["ok      name", "FAILED  TCP", "refused", "firewall", "correct url", "1 step failed"]);
}

#[tokio::test]
async fn an_unknown_authority_is_named_and_can_be_saved_and_then_it_is_known() {
    let (authority, stranger) = (TestAuthority::new(), TestAuthority::new());
    let identity = authority.issue(&["localhost"]);
    let face = SilentTlsServer::presenting(&format!("{}{}", identity.certificate, authority.pem()), &identity.key).await;
    let site = believing_in(&stranger, &face.url());
    let said = site.runs(&["doctor", "--save-ca", "saved.pem"]).await;
    said.fails_with(&[
        "FAILED  TLS",
        "from an unknown CA: CN=",
        "Belvedere's test CA",
        "is not in ca_file",
        "SHA-256 is ",
        "`belvedere doctor --save-ca corp-ca.pem`",
        "set ca_file = \"corp-ca.pem\"",
        "made out to localhost",
        "Saved the certificate of",
        "set ca_file = \"saved.pem\"",
    ]);
    assert_eq!(face.heard(), b"", "something was said to a server that nobody trusts");

    site.runs(&["doctor", "--save-ca", "saved.pem"]).await.fails_with(&["saved.pem cannot be written"]);
    site.write("ca.pem", &std::fs::read_to_string(site.path().join("saved.pem")).unwrap());
    site.runs(&["doctor"]).await.fails_with(&["ok      TLS", "FAILED  RootDSE", "no answer within"]);
}

#[tokio::test]
async fn an_authority_that_the_server_does_not_send_is_told_how_to_get() {
    let face = showing(&TestAuthority::new().issue(&["localhost"])).await;
    let site = believing_in(&TestAuthority::new(), &face.url());
    let said = site.runs(&["doctor", "--save-ca", "saved.pem"]).await;
    said.fails_with(&["does not send that CA's certificate", "certutil -ca.cert", "set ca_file", "No certificate was saved"]);
    assert!(!site.path().join("saved.pem").exists());
    assert_eq!(face.heard(), b"");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told_with_its_names() {
    let authority = TestAuthority::new();
    let face = showing(&authority.issue(&["dc1.corp.example.com", "dc1"])).await;
    let site = believing_in(&authority, &face.url());
    site.runs(&["doctor"]).await.fails_with(&[
        "FAILED  TLS",
        "made out to dc1.corp.example.com, dc1, not to localhost",
        "-> write the server's own name in url (dc1.corp.example.com)",
        "tls_fingerprint = \"sha256:",
        "openssl x509",
    ]);
    assert_eq!(face.heard(), b"");
}

#[tokio::test]
async fn a_certificate_that_has_expired_or_names_nobody_is_told_with_its_dates_and_the_remedy() {
    let authority = TestAuthority::new();
    let face = showing(&authority.issue_expired(&["localhost"])).await;
    let site = believing_in(&authority, &face.url());
    site.runs(&["doctor"]).await.fails_with(&["has expired", "2002-01-01", "-> renew it on the server"]);
    assert_eq!(face.heard(), b"");

    let face = showing(&authority.issue(&[])).await;
    let site = believing_in(&authority, &face.url());
    site.runs(&["doctor"])
        .await
        .fails_with(&["no subject alternative name", "-> give the server a certificate with localhost"]);
    assert_eq!(face.heard(), b"");
}

#[tokio::test]
async fn plain_ldap_over_a_network_is_refused_with_the_right_url() {
    let site = DoctorSite::new("url = \"ldap://dc1.corp.example.com\"\n", &[]);
    site.runs(&["doctor"]).await.fails_with(&["unencrypted", "ldaps://dc1.corp.example.com", "Rocket.toml:4"]);
}

#[tokio::test]
async fn a_wrong_service_password_is_told_after_one_bind_however_many_servers_there_are() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("svc-mistyped");
    let urls = format!("url = [\"{}\", \"{}\"]\nstart_tls = true\n", domain.ldaps_url(), domain.ldap_url());
    let ca_file = format!("ca_file = \"{}\"\n", domain.ca_file.display());
    let account = "bind_name = \"svc-mistyped@corp.example.com\"\nbind_password_file = \"secret\"\n";
    let site = DoctorSite::new(&(urls + &ca_file + account), &[("ops", OPERATIONS)]);
    site.write("secret", WRONG);
    let said = site.runs(&["doctor"]).await;
    said.fails_with(&[
        "FAILED  service account",
        "svc-mistyped@corp.example.com may not bind",
        "-> correct bind_name",
        "bind_password_file",
        "not tried again lest it be locked",
        "1 step failed",
    ]);
    assert_eq!(domain.bad_password_count("svc-mistyped"), 1);
}

#[tokio::test]
async fn a_missing_group_is_told_with_names_that_come_near_and_who_names_it() {
    let Some(domain) = samba::domain() else { return };
    let misspelt = OPERATIONS.replace("dash-ops", "dash-opps");
    let site = DoctorSite::on(domain, &[("ops", &misspelt), ("right", OPERATIONS)]);
    let said = site.runs(&["doctor"]).await;
    said.fails_with(&[
        "FAILED  dash-opps",
        "there is no such group",
        "did you mean \"dash-ops\"",
        "named by pages/ops.toml",
        "ok      dash-ops ",
        "CN=dash-ops,OU=Staff,DC=corp,DC=example,DC=com",
    ]);
}

#[tokio::test]
async fn a_domain_that_works_is_told_down_to_what_one_person_may_open() {
    let Some(domain) = samba::domain() else { return };
    let members = OPERATIONS.replace("access = { groups = [\"dash-ops\"] }\n", "");
    let finance = OPERATIONS.replace("dash-ops", "dash-finance");
    let site = DoctorSite::on(domain, &[("ops", OPERATIONS), ("members", &members), ("finance", &finance)]);
    let said = site.runs(&["doctor", "--user", "alice"]).await;
    said.ends_well_with(&[
        "TLS 1.3; the certificate is made out to",
        "Active Directory",
        "domain corp.example.com",
        "calls itself dc1.corp.example.com",
        "the same as here",
        "svc-belvedere@corp.example.com may bind",
        "3 wrong passwords within 30 min lock an account for 30 min",
        "Alice Archer, CN=Alice Archer,OU=Staff,DC=corp,DC=example,DC=com",
        "known for ever as objectGUID:",
        "dash-ops-nyc, directly",
        "dash-ops, through dash-ops-nyc",
        "Domain Users, as their primary group",
        "members of dash-ops may",
        "every member may",
        "stays closed",
        // Other tests have made objects there that the account may not read.
        "password settings",
        "people have 2 wrong tries in a browser they have signed in with, and 1 from anywhere else",
    ]);
}

#[tokio::test]
async fn without_a_service_account_a_person_is_seen_with_their_own_password_tried_once() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("under-settings");
    domain.modify(&password_settings("doctors", 9, "under-settings").ldif());
    let site = DoctorSite::new(&with_ca(&domain.ldaps_url(), &domain.ca_file), &[("ops", OPERATIONS)]);
    let arguments = ["doctor", "--user", "alice@brand.example", "--password-stdin"];
    let said = site.runs_with(&format!("{}\n", samba::PASSWORD), &arguments).await;
    said.ends_well_with(&[
        "people search as themselves",
        "may sign in with it",
        "dash-ops, through dash-ops-nyc",
        "and 1 from anywhere else: there are accounts under password settings objects, and only a bind tells whose a name is",
    ]);

    let said = site.runs(&["doctor", "--user", "alice"]).await;
    said.fails_with(&[
        "FAILED  person",
        "nobody can be looked up without bind_name or their password",
        "--password-stdin",
        "there is nobody to ask as: set bind_name",
    ]);
    let said = site.runs(&["doctor", "--user", "alice", "--json"]).await;
    let found: Value = serde_json::from_str(&said.words).unwrap();
    assert_eq!((said.code, &found["failures"]), (1, &Value::from(1)));

    domain.hire("mistyper");
    let arguments = ["doctor", "--user", "mistyper", "--password-stdin"];
    let said = site.runs_with(WRONG, &arguments).await;
    said.fails_with(&[
        "FAILED  password",
        "mistyper is not let in",
        "check the spelling",
        "mistyper was not let in, and there is nobody else to ask as",
    ]);
    assert!(!said.words.contains("who gives their password"), "{}", said.words);
    assert_eq!(domain.bad_password_count("mistyper"), 1);
}

#[tokio::test]
async fn an_account_that_cannot_sign_in_says_why() {
    let Some(domain) = samba::domain() else { return };
    let site = DoctorSite::on(domain, &[("ops", OPERATIONS)]);
    domain.hire_all(&["guarded", "at-no-hour", "at-one-desk"].map(str::to_owned));
    domain.join("guarded", "Protected Users");
    for (name, attribute, value) in
        [("at-no-hour", "logonHours", &[0; 21][..]), ("at-one-desk", "userWorkstations", b"DESK1,DESK2")]
    {
        domain.modify(&LdifChange::at(&samba::dn(name)).replace(attribute, value).ldif());
    }
    for (name, reason) in [
        ("guarded", "the account is in Protected Users"),
        ("at-no-hour", "may not sign in at this hour"),
        ("at-one-desk", "from these workstations alone, or is refused (531): DESK1,DESK2"),
        ("disabled", "the account is disabled"),
        ("expired", "the account has expired"),
        ("locked", "the account is locked"),
        ("must-change", "the password must be changed"),
    ] {
        site.runs(&["doctor", "--user", name]).await.ends_well_with(&["warning account", reason, "It works, with"]);
    }
    site.runs(&["doctor", "--user", "nobody"]).await.fails_with(&["nobody called nobody", "base_dn"]);
}

#[tokio::test]
async fn another_ldap_server_that_works_is_told_too() {
    let Some(server) = slapd::server() else { return };
    let settings = with_ca(&server.ldaps_url(), &server.ca_file) + "base_dn = \"dc=example,dc=org\"\n";
    let site = DoctorSite::new(&settings, &[("ops", OPERATIONS)]);
    site.runs(&["doctor", "--user", "alice"]).await.ends_well_with(&[
        "LDAP directory",
        "this server does not tell its time",
        "cn=dash-ops,dc=example,dc=org",
        "known for ever as entryUUID:",
        "dash-ops-nyc, directly",
        "dash-ops, through dash-ops-nyc",
        "dash-all, through dash-ops-nyc, then dash-ops",
        "members of dash-ops may",
    ]);
    let said = site.runs(&["doctor", "--user", "twin"]).await;
    said.fails_with(&["twin is more than one person", "cn=Twin One", "cn=Twin Two"]);
    let nowhere =
        DoctorSite::new(&(with_ca(&server.ldaps_url(), &server.ca_file) + "base_dn = \"ou=gone,dc=example,dc=org\"\n"), &[]);
    nowhere.runs(&["doctor"]).await.fails_with(&[
        "FAILED  base DN",
        "ou=gone,dc=example,dc=org is not there",
        "-> correct base_dn",
    ]);
}

#[tokio::test]
async fn servers_that_dns_names_are_told_with_the_records_and_a_domain_without_any_with_what_to_do() {
    let Some(domain) = samba::domain() else { return };
    let dns = DnsServer::start().await;
    dns.add_service("_ldap._tcp.dc._msdcs.corp.example.com", 0, 100, 389, "dc1.corp.example.com");
    dns.add_host("dc1.corp.example.com", domain.host().parse::<IpAddr>().unwrap());
    let settings = |domain: &str| format!("url = \"ldaps+srv://{domain}\"\ndns = [\"{}\"]\n", dns.address());
    let ca_file = format!("ca_file = \"{}\"\n", domain.ca_file.display());
    let site = DoctorSite::new(&(settings("corp.example.com") + &ca_file), &[]);
    site.runs(&["doctor"]).await.ends_well_with(&[
        "ok      SRV records",
        "ldaps://dc1.corp.example.com:636 (_ldap._tcp.dc._msdcs.corp.example.com, priority 0, weight 100)",
        "calls itself dc1.corp.example.com",
    ]);
    let nowhere = DoctorSite::new(&settings("elsewhere.example.com"), &[]);
    nowhere.runs(&["doctor"]).await.fails_with(&["FAILED  SRV records", "names no server", "-> correct the domain in url"]);
    let said = nowhere.runs(&["doctor"]).await;
    assert_eq!(said.words.matches("the domain in url").count(), 1, "told twice: {}", said.words);
    assert!(!said.words.starts_with('\n'), "{}", said.words);
}

#[tokio::test]
async fn what_was_found_is_there_for_programs_too() {
    let Some(domain) = samba::domain() else { return };
    let site = DoctorSite::on(domain, &[("ops", &OPERATIONS.replace("dash-ops", "dash-opps"))]);
    let said = site.runs(&["doctor", "--json", "--user", "alice"]).await;
    assert_eq!(said.code, 1);
    let found: Value = serde_json::from_str(&said.words).unwrap();
    assert_eq!(found["failures"], 1);
    let sections = found["directories"][0]["sections"].as_array().unwrap();
    let steps: Vec<&Value> = sections.iter().flat_map(|section| section["steps"].as_array().unwrap()).collect();
    let group = steps.iter().find(|step| step["name"] == "dash-opps").unwrap();
    assert_eq!(group["verdict"], "failed");
    assert!(group["remedy"].as_str().unwrap().contains("dash-ops"));
}

#[tokio::test]
async fn can_says_yes_no_or_that_nobody_can_say_and_why() {
    let Some(domain) = samba::domain() else { return };
    let public = OPERATIONS.replace("{ groups = [\"dash-ops\"] }", "\"public\"");
    let pages = [("ops", OPERATIONS), ("all", public.as_str())];
    let site = DoctorSite::on(domain, &pages);
    let can = async |name, page| site.runs(&["can", name, page]).await;
    can("CORP\\alice", "ops").await.ends_well_with(&["Yes: ", "dash-ops", "through dash-ops-nyc"]);
    can("bob", "ops").await.fails_with(&["No: ", "neither Bob Baker nor any of their"]);
    can("nobody", "ops").await.fails_with(&["No: ", "nobody called nobody"]);
    can("disabled", "ops").await.fails_with(&["No: ", "the account is disabled"]);
    can("OTHER\\alice", "ops").await.fails_with(&["No: ", "OTHER is not this directory's domain (CORP)"]);
    can("anybody", "all").await.ends_well_with(&["Yes: ", "public"]);
    let unknown = can("alice", "opps").await;
    assert_eq!(unknown.code, 2, "{}", unknown.words);

    let blind = DoctorSite::new(&with_ca(&domain.ldaps_url(), &domain.ca_file), &pages);
    let unknown = blind.runs(&["can", "alice", "ops"]).await;
    assert_eq!(unknown.code, 2, "{}", unknown.words);
    unknown.says(&["could not be found out", "bind_name", "belvedere doctor --user alice"]);
}

#[tokio::test]
async fn whoever_only_has_to_change_their_password_may_open_what_is_theirs_once_they_have() {
    let Some(domain) = samba::domain() else { return };
    let site = DoctorSite::on(domain, &[("ops", OPERATIONS), ("money", &OPERATIONS.replace("dash-ops", "dash-finance"))]);
    let once = "Yes: once must-change has changed the password, as the password must be changed";
    site.runs(&["can", "must-change", "ops"]).await.ends_well_with(&[once, "dash-ops"]);
    site.runs(&["can", "must-change", "money"]).await.fails_with(&["No: ", "is for others"]);

    let settings = std::fs::read_to_string(site.path().join("Rocket.toml")).unwrap();
    site.write("Rocket.toml", &(settings + "password_change = false\n"));
    let said = site.runs(&["can", "must-change", "ops"]).await;
    said.fails_with(&["No: ", "cannot sign in, as the password must be changed"]);
    site.runs(&["doctor", "--user", "must-change"]).await.ends_well_with(&["passwords cannot be changed here"]);
}

#[tokio::test]
async fn another_domains_name_is_nobodys_as_at_the_sign_in() {
    let Some(domain) = samba::domain() else { return };
    let site = DoctorSite::on(domain, &[("ops", OPERATIONS)]);
    site.runs(&["doctor", "--user", "corp\\alice"]).await.ends_well_with(&["Alice Archer"]);
    let said = site.runs(&["doctor", "--user", "OTHER\\alice"]).await;
    said.fails_with(&["FAILED  person", "OTHER is not this directory's domain (CORP)", "-> write CORP\\"]);
    assert!(!said.words.contains("Alice Archer"), "{}", said.words);
}

#[tokio::test]
async fn a_password_on_standard_input_that_nobody_needs_is_not_read() {
    let Some(domain) = samba::domain() else { return };
    let site = DoctorSite::on(domain, &[("ops", OPERATIONS)]);
    let said = site.runs_with(WRONG, &["doctor", "--user", "alice", "--password-stdin"]).await;
    said.ends_well_with(&["--password-stdin is not needed", "Alice Archer"]);
}

#[tokio::test]
async fn faulty_settings_are_told_to_programs_in_json_too() {
    let site = DoctorSite::new("url = \"ldaps://dc1\"\nca_fiel = \"ca.pem\"\n", &[]);
    let said = site.runs(&["doctor", "--json"]).await;
    assert_eq!(said.code, 1);
    let found: Value = serde_json::from_str(&said.words).unwrap();
    let fault = &found["faults"][0];
    assert!(fault["place"].as_str().unwrap().contains("Rocket.toml:5"), "{found}");
    assert!(fault["message"].as_str().unwrap().contains("ca_fiel"), "{found}");
    assert!(fault["help"].as_str().unwrap().contains("ca_file"), "{found}");

    let site = DoctorSite::new("url = \"ldaps://dc1\"\nca_file = \"gone.pem\"\n", &[]);
    let said = site.runs(&["doctor", "--json"]).await;
    let found: Value = serde_json::from_str(&said.words).unwrap();
    assert!(found["faults"][0]["message"].as_str().unwrap().contains("gone.pem"), "{found}");
}

#[tokio::test]
async fn settings_elsewhere_are_taken_by_every_command() {
    let Some(domain) = samba::domain() else { return };
    let site = DoctorSite { folder: tempfile::tempdir().unwrap() };
    std::fs::create_dir(site.path().join("sub")).unwrap();
    let (url, ca_file) = (domain.ldaps_url(), domain.ca_file.to_str().unwrap());
    let said = site.runs(&["init", &url, "--ca-file", ca_file, "--output", "sub/x.toml"]).await;
    let next = "`ROCKET_CONFIG=sub/x.toml belvedere check --online`, then `ROCKET_CONFIG=sub/x.toml belvedere serve`";
    said.ends_well_with(&["Wrote sub/x.toml", next]);
    for arguments in [&["doctor"][..], &["check"]] {
        let mut command = belvedere(site.path(), arguments);
        command.env("ROCKET_CONFIG", "sub/x.toml").env("ROCKET_PROFILE", "release");
        let output = run_to_end(command).await;
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

#[tokio::test]
async fn advice_for_a_further_directory_names_its_own_settings() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("svc-of-brand");
    let site = DoctorSite::on(domain, &[]);
    let settings = std::fs::read_to_string(site.path().join("Rocket.toml")).unwrap();
    let further = format!(
        "\n[default.directories.brand]\ndomains = [\"brand.example\"]\n{}bind_name = \"svc-of-brand@corp.example.com\"\n\
         bind_password_file = \"wrong\"\n",
        with_ca(&domain.ldaps_url(), &domain.ca_file)
    );
    site.write("Rocket.toml", &(settings + &further));
    site.write("wrong", WRONG);
    let said = site.runs(&["doctor"]).await;
    said.fails_with(&[
        "directory brand",
        "bind_password_file (BELVEDERE_DIRECTORIES__BRAND__BIND_PASSWORD_FILE)",
        "for the directory brand stand beneath [default.directories.brand]",
        "BELVEDERE_DIRECTORIES__BRAND__CA_FILE",
    ]);
    assert!(!said.words.contains("[default.directory]"), "advice for a directory that is in order: {}", said.words);
    site.runs(&["check", "--online"]).await.fails_with(&["directories.brand.bind_name"]);
}

#[tokio::test]
async fn check_online_asks_with_the_service_account_though_no_page_names_a_group() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("svc-of-check");
    let site = DoctorSite::new(
        &(with_ca(&domain.ldaps_url(), &domain.ca_file)
            + "bind_name = \"svc-of-check@corp.example.com\"\nbind_password_file = \"secret\"\n"),
        &[],
    );
    site.write("secret", WRONG);
    let said = site.runs(&["check", "--online"]).await;
    said.fails_with(&["directory.bind_name", "the service account cannot search", "`belvedere doctor` takes it"]);
    assert_eq!(domain.bad_password_count("svc-of-check"), 1);
    site.write("secret", samba::PASSWORD);
    site.runs(&["check", "--online"]).await.ends_well_with(&["Everything is in order"]);
}

#[tokio::test]
async fn a_name_that_several_groups_have_is_a_fault_that_names_them() {
    let Some(server) = slapd::server() else { return };
    let group = |dn: &str| {
        let alice = slapd::dn("Alice Archer");
        format!("dn: {dn}\nobjectClass: groupOfNames\ncn: two-of-them\nmember: {alice}\n\n")
    };
    let (one, other) = ("cn=two-of-them,dc=example,dc=org", "cn=two-of-them,ou=a-branch,dc=example,dc=org");
    let unit = "dn: ou=a-branch,dc=example,dc=org\nobjectClass: organizationalUnit\nou: a-branch\n\n";
    server.administrator().apply(&(group(one) + unit + &group(other))).unwrap();
    let settings = format!(
        "base_dn = \"dc=example,dc=org\"\nbind_name = '{}'\nbind_password = \"{}\"\n",
        slapd::SERVICE_DN,
        slapd::PASSWORD
    );
    let page = |group: &str| OPERATIONS.replace("dash-ops", group);
    let site = DoctorSite::new(&(with_ca(&server.ldaps_url(), &server.ca_file) + &settings), &[("two", &page("two-of-them"))]);
    site.runs(&["check", "--online"]).await.fails_with(&["pages/two.toml:2", "several groups have that name", one, other]);
    site.runs(&["doctor"]).await.fails_with(&["2 groups have that name, so nobody is let in by it", one, other]);
    site.write("pages/two.toml", &page(other));
    site.runs(&["check", "--online"]).await.ends_well_with(&["Everything is in order"]);
}

#[tokio::test]
async fn check_online_tells_of_a_dead_server_beside_one_that_answers() {
    let Some(domain) = samba::domain() else { return };
    let closed = format!("127.0.0.1:{}", free_port().unwrap());
    let urls = format!("url = [\"{}\", \"ldaps://{closed}\"]\n", domain.ldaps_url());
    let site = DoctorSite::new(&format!("{urls}ca_file = \"{}\"\n", domain.ca_file.display()), &[]);
    let said = site.runs(&["check", "--online"]).await;
    said.ends_well_with(&["Everything is in order", &format!("\nNot answering: ldaps://{closed}: ")]);
    assert_eq!(said.words.matches("Not answering").count(), 1, "{}", said.words);
}

#[tokio::test]
async fn check_online_names_the_line_of_a_missing_group_and_of_a_silent_source() {
    let Some(domain) = samba::domain() else { return };
    let closed = format!("127.0.0.1:{}", free_port().unwrap());
    let misspelt = OPERATIONS.replace("[\"dash-ops\"]", "[\"dash-ops\", \"Dash-Opps\"]");
    let stock = OPERATIONS.replace("\"host\"", "\"stock\"").replace("\"uptime\"", "\".level\"");
    let site = DoctorSite::on(domain, &[("ops", &misspelt), ("stock", &stock)]);
    let settings = std::fs::read_to_string(site.path().join("Rocket.toml")).unwrap();
    let source = format!("\n[default.sources.stock]\nkind = \"http\"\nurl = \"http://{closed}/levels\"\n");
    site.write("Rocket.toml", &(settings + &source));
    site.runs(&["check"]).await.ends_well_with(&["Everything is in order"]);
    site.runs(&["check", "--online"]).await.fails_with(&[
        "pages/ops.toml:2:34",
        "there is no group \"Dash-Opps\"",
        "did you mean \"dash-ops\"",
        "pages/stock.toml:8:9",
        "the source \"stock\" does not answer",
        "refused",
    ]);
    site.write("pages/ops.toml", OPERATIONS);
    std::fs::remove_file(site.path().join("pages/stock.toml")).unwrap();
    site.runs(&["check", "--online"]).await.ends_well_with(&["Everything is in order: 1 page"]);

    let gone = DoctorSite::new(&format!("url = \"ldaps://{closed}\"\n"), &[]);
    gone.runs(&["check", "--online"]).await.fails_with(&["directory.url", "refused", "belvedere doctor"]);
}

#[tokio::test]
async fn check_online_tries_every_panel_and_looks_up_everybody_who_is_named() {
    let Some(domain) = samba::domain() else { return };
    let panel = |id: &str, kind: &str, query: &str| {
        format!("\n[[panel]]\nid = \"{id}\"\ntitle = \"{id}\"\nkind = \"{kind}\"\nsource = \"host\"\nquery = \"{query}\"\n")
    };
    let panels = [
        panel("fine", "stat", "uptime"),
        panel("many", "gauge\"\nmax = \"64", "cpu.cores").replace("max = \"64\"", "max = 64"),
        panel("table", "line", "processes"),
        panel("states", "states", "uptime"),
        panel("same", "stat", "processes"),
    ];
    let page =
        format!("title = \"Ops\"\naccess = {{ users = [\"alice\", \"alise\", \"local\\\\root\"] }}\n{}", panels.concat());
    let site = DoctorSite::on(domain, &[("ops", &page)]);
    let settings = std::fs::read_to_string(site.path().join("Rocket.toml")).unwrap();
    site.write("Rocket.toml", &(settings.clone() + "\n[default.admins]\nusers = [\"bob\", \"bobby\"]\n"));
    site.runs(&["check"]).await.ends_well_with(&["Everything is in order"]);
    let said = site.runs(&["check", "--online"]).await;
    said.fails_with(&[
        "pages/ops.toml:2:30",
        "nobody is let in as \"alise\"",
        "admins.users",
        "nobody is let in as \"bobby\"",
        "the panel \"table\" cannot show this",
        "the panel \"states\" cannot show this",
        "the panel \"same\" cannot show this",
    ]);
    for fine in ["\"alice\"", "\"bob\"", "root", "\"fine\""] {
        assert!(
            !said.words.contains(&format!("as {fine}")) && !said.words.contains(&format!("panel {fine}")),
            "{}",
            said.words
        );
    }
}

#[tokio::test]
async fn init_writes_settings_that_check_and_serve_take_and_never_a_secret() {
    let Some(domain) = samba::domain() else { return };
    let site = DoctorSite { folder: tempfile::tempdir().unwrap() };
    site.write("secret", samba::PASSWORD);
    let (ca_file, url) = (domain.ca_file.to_str().unwrap(), domain.ldaps_url());
    // The name alone will do.
    let bare = url.trim_start_matches("ldaps://");
    let account = ["--bind-name", samba::SERVICE_ACCOUNT, "--bind-password-file", "secret"];
    let arguments = [&["init", bare, "--ca-file", ca_file][..], &account].concat();
    let said = site.runs(&arguments).await;
    said.ends_well_with(&["Active Directory", "may bind", "Wrote Rocket.toml, and a first page", "belvedere check --online"]);
    let written = std::fs::read_to_string(site.path().join("Rocket.toml")).unwrap();
    assert!(written.contains(&format!("url = \"{url}\"")) && written.contains("bind_password_file = \"secret\""), "{written}");
    assert!(!written.contains(samba::PASSWORD));

    site.runs(&["check", "--online"]).await.ends_well_with(&["Everything is in order: 1 page"]);
    let mut house = RunningProgram::start(belvedere(site.path(), &["serve"]));
    let address = house.is_open_at().await;
    Visitor::new(address).signs_in("alice", samba::PASSWORD).await;
    house.ends_after("TERM").await;

    let again = site.runs(&arguments).await;
    again.fails_with(&["Rocket.toml is there already", "--output", "--force"]);
    let forced = [&arguments[..], &["--force"]].concat();
    site.write("Rocket.toml", "# mine");
    site.runs(&forced).await.ends_well_with(&["Wrote Rocket.toml"]);
}

#[tokio::test]
async fn init_says_nothing_to_an_authority_that_nobody_has_compared_yet() {
    let authority = TestAuthority::new();
    let identity = authority.issue(&["localhost"]);
    let face = SilentTlsServer::presenting(&format!("{}{}", identity.certificate, authority.pem()), &identity.key).await;
    let site = DoctorSite { folder: tempfile::tempdir().unwrap() };
    site.write("secret", WRONG);
    let url = face.url();
    let account = ["init", &url, "--bind-name", "svc@corp.example.com", "--bind-password-file", "secret"];
    let again = format!("belvedere init {url} --bind-name svc@corp.example.com --bind-password-file secret");
    let said = site.runs(&account).await;
    said.fails_with(&["from an unknown CA", &format!("`{again} --save-ca corp-ca.pem`")]);
    assert!(!said.words.contains("belvedere doctor"), "there are no settings for it: {}", said.words);

    let said = site.runs(&[&account[..], &["--save-ca", "saved.pem"]].concat()).await;
    said.fails_with(&["in saved.pem", "Its SHA-256 is ", "compare it with what its owner says, then run: "]);
    said.says(&[&format!("{again} --ca-file saved.pem")]);
    assert_eq!(face.heard(), b"", "something was said to a server that nobody trusts");
    assert!(site.path().join("saved.pem").exists());
    assert!(!site.path().join("Rocket.toml").exists() && !site.path().join("pages").exists());
}

#[tokio::test]
async fn init_writes_start_tls_and_the_base_dn_as_they_were_asked_for() {
    let Some(domain) = samba::domain() else { return };
    let site = DoctorSite { folder: tempfile::tempdir().unwrap() };
    let (url, ca_file) = (domain.ldap_url(), domain.ca_file.to_str().unwrap());
    let bare = url.trim_start_matches("ldap://");
    let base_dn = format!("OU=Staff,{}", samba::BASE_DN);
    let said = site.runs(&["init", bare, "--ca-file", ca_file, "--start-tls", "--base-dn", &base_dn]).await;
    said.ends_well_with(&["ok      TLS", &format!("people are looked for below {base_dn}"), "Wrote Rocket.toml"]);
    let written = std::fs::read_to_string(site.path().join("Rocket.toml")).unwrap();
    for line in [format!("url = \"{url}\""), "start_tls = true".to_owned(), format!("base_dn = \"{base_dn}\"")] {
        assert!(written.lines().any(|written| written == line), "{line} in {written}");
    }
    site.runs(&["check", "--online"]).await.ends_well_with(&["Everything is in order"]);
}

#[tokio::test]
async fn init_writes_nothing_as_long_as_the_directory_cannot_be_used() {
    let authority = TestAuthority::new();
    let face = showing(&authority.issue(&["dc1.corp.example.com"])).await;
    let site = DoctorSite { folder: tempfile::tempdir().unwrap() };
    site.write("ca.pem", &authority.pem());
    let said = site.runs(&["init", &face.url(), "--ca-file", "ca.pem"]).await;
    said.fails_with(&["for another host name", "(dc1.corp.example.com)", "nothing was written", "--tls-fingerprint"]);
    let said = site.runs(&["init", "ldap://dc1.corp.example.com"]).await;
    said.fails_with(&["unencrypted", "ldaps://dc1.corp.example.com"]);
    let said = site.runs(&["init", "no-such-domain.invalid"]).await;
    said.fails_with(&["nothing was written", "belvedere init ldaps+srv://no-such-domain.invalid"]);
    assert!(!site.path().join("Rocket.toml").exists() && !site.path().join("pages").exists());
}
