//! The commands, as typed: what they print, how they end, and what they leave behind.

use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use tempfile::TempDir;

use crate::harness::certificates::TestAuthority;
use crate::harness::program::{RunningProgram, belvedere, run_to_end, text};
use crate::harness::samba;
use crate::harness::server_process::skipped;
use crate::harness::visitor::Visitor;

/// A page that is in order.
const PAGE: &str = "title = \"All\"\naccess = \"public\"\n\n[[panel]]\nid = \"up\"\ntitle = \"Up\"\nkind = \"stat\"\n\
                    source = \"host\"\nquery = \"uptime\"\nevery = \"1s\"\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[tokio::test]
async fn help_lists_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let output = run_to_end(belvedere(folder.path(), &["--help"])).await;
    assert!(output.status.success());
    let help = text(&output.stdout);
    for command in ["serve", "demo", "check"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} in {help}");
    }
    let output = run_to_end(belvedere(folder.path(), &["sevre"])).await;
    assert!(!output.status.success() && text(&output.stderr).contains("serve"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn check_says_every_fault_of_settings_and_pages_with_its_place() {
    let folder = folder(&[
        (
            "Rocket.toml",
            "[default]\nport = 8000\n\n[default.site]\nnmae = \"Boards\"\n\n[default.directory]\n\
             url = \"ldap://dc1.corp.example.com\"\ndial_timeout = \"soon\"\n",
        ),
        ("pages/good.toml", PAGE),
        (
            "pages/bad.toml",
            "title = \"Bad\"\n\n[[panel]]\ntitle = \"CPU\"\nkind = \"stat\"\nsource = \"host\"\nquery = \"cpu.totl\"\nevery = \"1s\"\n",
        ),
        ("pages/worse.toml", "title = \"Worse\"\nacess = \"public\"\n\n[[panel]]\nkind = \"pie\"\n"),
        ("pages/broken.toml", "title = \"Broken\n"),
    ]);
    let output = run_to_end(belvedere(folder.path(), &["check"])).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for (place, what) in [
        ("Rocket.toml:5:1", "nmae"),
        ("Rocket.toml:8:7", "unencrypted"),
        ("Rocket.toml:9:16", "soon"),
        ("pages/bad.toml:7:9", "cpu.totl"),
        ("pages/worse.toml:2:1", "acess"),
        ("pages/worse.toml:5:8", "pie"),
        ("pages/broken.toml:1:", "title = \"Broken"),
    ] {
        assert!(said.contains(place) && said.contains(what), "{place} ({what}) in\n{said}");
    }
    assert!(!said.contains("good.toml"), "{said}");
}

#[tokio::test]
async fn a_faulty_source_is_one_fault_and_not_one_in_each_page_that_asks_it() {
    let settings = "pages = \"boards\"\n[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n\n\
                    [default.sources.shop]\nkind = \"htpp\"\nurl = \"http://127.0.0.1:1\"\n";
    let asks = PAGE.replace("\"host\"", "\"shop\"");
    let bad = PAGE.replace("public", "nobody");
    let folder = folder(&[
        ("Rocket.toml", &format!("[default]\n{settings}")),
        ("boards/shop.toml", &asks),
        ("boards/bad.toml", &bad),
        ("pages/not-asked-for.toml", "title = "),
    ]);
    let said = text(&run_to_end(belvedere(folder.path(), &["check"])).await.stderr);
    assert!(said.contains("Rocket.toml:7:8") && said.contains("boards/bad.toml:2:10"), "{said}");
    assert_eq!(said.matches("error:").count(), 2, "{said}");
}

#[tokio::test]
async fn check_ends_well_when_all_is_well() {
    let settings = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n";
    let folder = folder(&[("Rocket.toml", settings), ("pages/all.toml", PAGE)]);
    let output = run_to_end(belvedere(folder.path(), &["check"])).await;
    assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
    assert!(text(&output.stdout).starts_with("Everything is in order: 1 page in "), "{}", text(&output.stdout));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "checking leaves nothing behind: {left:?}");
}

#[tokio::test]
async fn serve_refuses_a_faulty_setting_with_the_words_of_check() {
    let settings = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\nbase_dn = \"nowhere\"\n";
    let folder = folder(&[("Rocket.toml", settings), ("pages/all.toml", PAGE)]);
    let checked = run_to_end(belvedere(folder.path(), &["check"])).await;
    let served = run_to_end(belvedere(folder.path(), &["serve"])).await;
    assert_eq!((checked.status.code(), served.status.code()), (Some(1), Some(1)));
    assert!(text(&served.stderr).contains("Rocket.toml:3:11"), "{}", text(&served.stderr));
    assert_eq!(text(&served.stderr), text(&checked.stderr));
    assert!(!folder.path().join("state").exists(), "nothing is made before the settings are sound");
}

#[tokio::test]
async fn every_command_tells_broken_settings_by_their_place_and_nobody_their_secrets() {
    let url = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n";
    let commands: [&[&str]; 7] = [
        &["check"],
        &["serve"],
        &["doctor"],
        &["can", "alice", "all"],
        &["token", "list"],
        &["account", "list"],
        &["release", "alice"],
    ];
    for (settings, place) in [
        (format!("{url}bind_password = \"s3cret-of-svc\n"), "Rocket.toml:3:"),
        (format!("{url}bind_name = \"CORP\\svc\"\nbind_password = \"s3cret-of-svc\"\n"), "Rocket.toml:3:"),
        (format!("{url}{url}bind_password = \"s3cret-of-svc\"\n"), "Rocket.toml:3:"),
        (format!("[default]\nworkers = \"many\"\n{url}"), "Rocket.toml:2:11"),
        ("\u{feff}\u{fffd}".repeat(9), "Rocket.toml:1:"),
    ] {
        let folder = folder(&[("Rocket.toml", &settings), ("pages/all.toml", PAGE)]);
        for arguments in commands {
            let output = run_to_end(belvedere(folder.path(), arguments)).await;
            let said = text(&output.stderr) + &text(&output.stdout);
            assert!(said.contains(place), "{arguments:?}: {said}");
            assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {:?}", output.status);
            assert!(!said.contains("s3cret") && !said.contains("panicked"), "{arguments:?}: {said}");
        }
    }
    let windows: Vec<u8> = format!("\u{feff}{url}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [windows, format!("{url}# M\u{fc}ller").chars().map(|c| u8::try_from(c).unwrap()).collect()] {
        let folder = folder(&[("pages/all.toml", PAGE)]);
        std::fs::write(folder.path().join("Rocket.toml"), bytes).unwrap();
        let said = text(&run_to_end(belvedere(folder.path(), &["check"])).await.stderr);
        assert!(said.contains("this file is not UTF-8") && said.contains("Rocket.toml") && said.contains("UTF-16"), "{said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
    }
    let sound = folder(&[("Rocket.toml", &format!("{url}[strict.audit]\nkeep = \"9d\"\n")), ("pages/all.toml", PAGE)]);
    for (variable, value, place, words) in [
        ("ROCKET_CONFIG", "/nowhere/Rocket.toml", "variable ROCKET_CONFIG", "there is no settings file /nowhere/Rocket.toml"),
        ("ROCKET_CONFIG", "pages", "variable ROCKET_CONFIG", "there is no settings file pages"),
        ("ROCKET_PROFILE", "stritc", "variable ROCKET_PROFILE", "did you mean `strict`?"),
    ] {
        for arguments in [&["check"][..], &["serve"]] {
            let mut command = belvedere(sound.path(), arguments);
            command.env(variable, value);
            let said = text(&run_to_end(command).await.stderr);
            assert!(said.contains(place) && said.contains(words), "{variable}={value}: {said}");
        }
    }
    // No threads at all would be a panic too.
    let idle =
        folder(&[("Rocket.toml", &format!("[default]\nworkers = 0\nmax_blocking = 0\n{url}")), ("pages/all.toml", PAGE)]);
    let output = run_to_end(belvedere(idle.path(), &["check"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[tokio::test]
async fn serve_without_a_directory_names_the_remedies() {
    let folder = folder(&[("pages/all.toml", PAGE)]);
    for arguments in [&["serve"][..], &[]] {
        let output = run_to_end(belvedere(folder.path(), arguments)).await;
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        for remedy in ["no directory is set", "BELVEDERE_DIRECTORY__URL", "belvedere demo"] {
            assert!(said.contains(remedy), "{remedy} in {said}");
        }
    }
}

#[tokio::test]
async fn serve_without_pages_or_with_a_taken_port_says_what_to_do() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = belvedere(nowhere.path(), &["serve"]);
    command.env("BELVEDERE_DIRECTORY__URL", "ldap://127.0.0.1:1");
    let said = text(&run_to_end(command).await.stderr);
    assert!(said.contains("BELVEDERE_PAGES"), "{said}");

    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let folder = folder(&[("pages/all.toml", PAGE)]);
    let mut command = belvedere(folder.path(), &["serve"]);
    command.env("BELVEDERE_DIRECTORY__URL", "ldap://127.0.0.1:1");
    command.env("ROCKET_PORT", taken.local_addr().unwrap().port().to_string());
    let output = run_to_end(command).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("ROCKET_PORT"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn serve_outlives_a_hangup_leaves_no_core_dump_and_warns_of_open_secrets_and_old_certificates() {
    let old = TestAuthority::new().issue_expired(&["old"]).certificate;
    let token = "0123456789abcdef0123456789abcdef\n";
    let folder = folder(&[("pages/all.toml", PAGE), ("metrics-token", token), ("private", "x"), ("ca.pem", &old)]);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.path().join("metrics-token"), open).unwrap();
    let mut command = belvedere(folder.path(), &["serve"]);
    command.env("BELVEDERE_DIRECTORY__URL", "ldap://127.0.0.1:1");
    command.env("BELVEDERE_METRICS__TOKEN_FILE", "metrics-token");
    command.env("BELVEDERE_DIRECTORY__CA_FILE", "ca.pem");
    let mut house = RunningProgram::start(command);
    let address = house.is_open_at().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", house.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    for signal in ["HUP", "HUP", "USR1", "USR2"] {
        house.lives_through(signal, &format!("SIG{signal} is ignored")).await;
        assert_eq!(Visitor::new(address).fetches("/healthz").await.status, StatusCode::OK);
    }
    let log = house.ends_after("TERM").await;
    let warned: Vec<_> = log.lines().filter(|line| line.contains("there is a secret in it")).collect();
    assert!(matches!(warned[..], [one] if one.contains("chmod o= metrics-token") && one.contains("WARN")), "{log}");
    assert!(!log.contains("0123456789abcdef"), "{log}");
    assert!(log.contains("ca.pem, what is trusted, expired on 2002-01-01"), "{log}");
}

#[tokio::test]
async fn a_wrong_certificate_is_said_by_check_and_serve_and_never_called_a_port() {
    let authority = TestAuthority::new();
    let (own, other) = (authority.issue(&["boards"]), authority.issue(&["boards"]));
    let settings = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n\n[default.tls]\ncerts = \"cert.pem\"\n\
                    key = \"key.pem\"\n";
    for (certs, key, place, said) in [
        (&own.certificate, &other.key, "Rocket.toml:6:7", "is not the key of the certificate"),
        (&own.key, &own.certificate, "Rocket.toml:5:9", "no certificate"),
        (&String::new(), &own.key, "Rocket.toml:5:9", "no PEM certificate"),
    ] {
        let folder = folder(&[("Rocket.toml", settings), ("pages/all.toml", PAGE), ("cert.pem", certs), ("key.pem", key)]);
        for command in ["check", "serve"] {
            let output = run_to_end(belvedere(folder.path(), &[command])).await;
            let words = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command}: {words}");
            assert!(words.contains(place) && words.contains(said) && !words.contains("port"), "{command}: {words}");
        }
    }
}

#[tokio::test]
async fn check_tells_certificates_that_are_not_good_now_or_not_for_long() {
    let authority = TestAuthority::new();
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / (24 * 60 * 60);
    let settings = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\nca_file = \"ca.pem\"\n\
                    client_certificate_file = \"client.pem\"\nclient_key_file = \"client.key\"\n\n\
                    [default.tls]\ncerts = \"cert.pem\"\nkey = \"key.pem\"\n";
    let check = async |days: [Range<u64>; 3]| {
        let [own, client, trusted] = days.map(|days| authority.issue_for_days(&["boards"], days));
        let folder = folder(&[
            ("Rocket.toml", settings),
            ("pages/all.toml", PAGE),
            ("cert.pem", &(own.certificate + &authority.pem())),
            ("key.pem", &own.key),
            ("client.pem", &client.certificate),
            ("client.key", &client.key),
            ("ca.pem", &(authority.issue_expired(&["old"]).certificate + &trusted.certificate)),
        ]);
        run_to_end(belvedere(folder.path(), &["check"])).await
    };
    let (past, soon, long, future) =
        (today - 400..today - 10, today - 300..today + 9, today - 9..today + 900, today + 30..today + 900);

    let good = check([long.clone(), long.clone(), long.clone()]).await;
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stderr));
    assert!(!text(&good.stdout).contains("expire"), "an old one beside what is trusted is no fault: {}", text(&good.stdout));

    let ending = check([soon.clone(), soon.clone(), soon]).await;
    let said = text(&ending.stdout);
    assert_eq!((ending.status.code(), said.matches("expires soon, on ").count()), (Some(0), 3), "{said}");

    let bad = check([past.clone(), future, past]).await;
    let said = text(&bad.stderr);
    assert_eq!(bad.status.code(), Some(1), "{}", text(&bad.stdout));
    for (place, words) in [
        ("Rocket.toml:8:9", "cert.pem, the server's own certificate, expired on "),
        ("Rocket.toml:4:27", "client.pem, the certificate by which servers know this one, is not valid before "),
        ("Rocket.toml:3:11", "ca.pem, what is trusted, expired on "),
    ] {
        assert!(said.contains(place) && said.contains(words), "{place} ({words}) in\n{said}");
    }
}

#[tokio::test]
async fn check_looks_into_the_state_folder_and_leaves_it_as_it_is() {
    let settings = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n";
    let folder = folder(&[("Rocket.toml", settings), ("pages/all.toml", PAGE), ("state/sessions.db", "")]);
    let mode = |mode| {
        std::fs::set_permissions(folder.path().join("state"), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o777);
    let said = text(&run_to_end(belvedere(folder.path(), &["check"])).await.stderr);
    assert!(said.contains("other users of this machine can write") && said.contains("chmod go-w"), "{said}");
    mode(0o700);
    std::os::unix::fs::symlink("/dev/null", folder.path().join("state/audit.db")).unwrap();
    let said = text(&run_to_end(belvedere(folder.path(), &["check"])).await.stderr);
    assert!(said.contains("audit.db") && said.contains("symbolic link"), "{said}");
    std::fs::remove_file(folder.path().join("state/audit.db")).unwrap();
    let output = run_to_end(belvedere(folder.path(), &["check"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path().join("state")).unwrap().count(), 1, "nothing is made there");
}

#[tokio::test]
async fn roots_commands_make_no_state_in_a_folder_of_somebody_elses() {
    if !rustix::process::geteuid().is_root() {
        skipped("only root can give a folder away");
        return;
    }
    let folder = folder(&[("pages/all.toml", PAGE)]);
    let runs = |arguments: &'static [&'static str]| {
        let mut command = belvedere(folder.path(), arguments);
        command.env("BELVEDERE_DIRECTORY__URL", "ldap://127.0.0.1:1");
        run_to_end(command)
    };
    let add: &[&str] = &["account", "invite", "ann", "--name", "Ann"];
    std::os::unix::fs::chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
    for command in [add, &["token", "list"], &["release", "alice"]] {
        let said = text(&runs(command).await.stderr);
        assert!(said.contains("sudo -u nobody"), "{command:?}: {said}");
        assert!(!folder.path().join("state").exists(), "{command:?} has made it");
    }
    std::fs::create_dir(folder.path().join("state")).unwrap();
    std::os::unix::fs::chown(folder.path().join("state"), Some(65_534), Some(65_534)).unwrap();
    let said = text(&runs(add).await.stderr);
    assert!(said.contains("belongs to nobody") && said.contains("sudo -u nobody"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path().join("state")).unwrap().count(), 0, "nothing of root's is in it");
}

#[tokio::test]
async fn check_says_what_in_the_folder_of_pages_is_no_page() {
    let settings = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n";
    let folder = folder(&[
        ("Rocket.toml", settings),
        ("pages/all.toml", PAGE),
        ("pages/Desk.TOML", PAGE),
        ("pages/team/ops.toml", PAGE),
        ("pages/pictures/logo.svg", "<svg/>"),
        ("secrets", "key = \"never-to-be-seen\""),
    ]);
    for (target, link) in [("nowhere", "lost.toml"), ("../secrets", "secrets.toml")] {
        std::os::unix::fs::symlink(target, folder.path().join("pages").join(link)).unwrap();
    }
    let output = run_to_end(belvedere(folder.path(), &["check"])).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for (place, what) in [
        ("pages/Desk.TOML", "rename it to desk.toml"),
        ("pages/team", "this is a folder"),
        ("pages/lost.toml", "a link to nowhere, which is not there"),
        ("pages/secrets.toml", "a link to ../secrets, which is no page file"),
    ] {
        assert!(said.contains(place) && said.contains(what), "{place} in {said}");
    }
    assert_eq!(said.matches("error:").count(), 4, "{said}");
    assert!(!said.contains("never-to-be-seen") && !said.contains("pictures"), "{said}");
}

#[tokio::test]
async fn in_the_wrong_folder_the_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["serve", "check", "can"] {
        let arguments: &[&str] = if command == "can" { &["can", "alice", "all"] } else { &[command] };
        let said = text(&run_to_end(belvedere(folder.path(), arguments)).await.stderr);
        let here = format!("there is no Rocket.toml in {}", folder.path().display());
        assert!(said.contains(&here), "{command}: {said}");
    }
    let misspelt = folder_with_settings("adress = \"0.0.0.0\"\n[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n");
    let said = text(&run_to_end(belvedere(misspelt.path(), &["check"])).await.stderr);
    assert!(said.contains("Rocket.toml:2:1") && said.contains("did you mean `address`?"), "{said}");
}

fn folder_with_settings(settings: &str) -> TempDir {
    folder(&[("Rocket.toml", &format!("[default]\n{settings}")), ("pages/all.toml", PAGE)])
}

#[tokio::test]
async fn two_variables_are_all_it_takes_to_serve_an_active_directory() {
    let Some(domain) = samba::domain() else { return };
    let access = "title = \"Operations\"\naccess = { groups = [\"dash-ops\"] }\n";
    let page = PAGE.replace("title = \"All\"\naccess = \"public\"\n", access);
    let folder = folder(&[("pages/ops.toml", &page), ("pages/broken.toml", "title = \"Broken\n")]);
    let mut command = belvedere(folder.path(), &["serve"]);
    command.env("BELVEDERE_DIRECTORY__URL", domain.ldaps_url());
    command.env("BELVEDERE_DIRECTORY__CA_FILE", &domain.ca_file);
    let mut house = RunningProgram::start(command);
    let address = house.is_open_at().await;

    let mut alice = Visitor::new(address);
    alice.signs_in("alice", samba::PASSWORD).await;
    assert_eq!(alice.opens("/p/ops").await.status, StatusCode::OK);
    let mut bob = Visitor::new(address);
    bob.tries_to_sign_in("bobb", "Not-The-Password-5", "/").await.form_message().expect("a reason");
    assert_eq!(bob.signs_in("bob", samba::PASSWORD).await.opens("/p/ops").await.status, StatusCode::FORBIDDEN);

    let log = house.ends_after("TERM").await;
    assert!(log.contains("broken.toml:1:"), "a faulty page is said loudly: {log}");
    for secret in [samba::PASSWORD, "Not-The-Password-5", &alice.cookies["belvedere"]] {
        assert!(!log.contains(secret), "the log tells {secret}: {log}");
    }
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = lines.iter().find(|line| line["path"] == "/p/ops" && line["user"] == "alice").expect("a line a request");
    assert_eq!((&shown["status"], &shown["method"], &shown["route"]), (&200.into(), &"GET".into(), &"/p/<slug>".into()));
}

#[tokio::test]
async fn the_demo_opens_shows_lets_alice_in_and_leaves_nothing_behind() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut demo = RunningProgram::start(belvedere(folder.path(), &["demo"]));
        let address = demo.is_open_at().await;
        assert!(address.ip().is_loopback());
        let welcome = demo.prints_until("Ctrl-C").await;
        let alice = welcome.lines().find(|line| line.trim_start().starts_with("alice ")).expect("alice's account");
        let password = alice.split_whitespace().nth(1).unwrap();

        let mut visitor = Visitor::new(address);
        let page = visitor.opens("/p/welcome").await;
        assert_eq!((page.status, page.heading().as_deref()), (StatusCode::OK, Some("Welcome")));
        // In this folder there is no file of the program's: everything comes out of the binary.
        for part in page.body.split("&#x2F;static").skip(1) {
            let path = format!("/static{}", part.split('"').next().unwrap().replace("&#x2F;", "/"));
            assert_eq!(visitor.fetches(&path).await.status, StatusCode::OK, "{path}");
        }
        visitor.signs_in("alice", password).await;
        assert_eq!(visitor.opens("/p/operations").await.status, StatusCode::OK);
        assert_eq!(visitor.opens("/admin").await.status, StatusCode::FORBIDDEN);

        let board = visitor.watches("/live/operations").await.unwrap();
        demo.ends_after(signal).await;
        drop(board);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(left.is_empty(), "after {signal}: {left:?}");
    }
}
