//! A directory server that says what it must not: the kept corpus of the fuzz target `directory_answers`, played to the
//! client without the fuzzer.

use std::fs;
use std::path::Path;

use belvedere::directory::DirectoryRefusal;

#[allow(unreachable_pub, reason = "in its own crate it is reached")]
#[path = "../../fuzz/src/hostile.rs"]
mod player;

#[tokio::test(start_paused = true)]
async fn whatever_was_ever_said_lets_nobody_in_without_a_bind() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/directory_answers");
    let mut played = 0;
    for script in fs::read_dir(corpus).unwrap() {
        let script = fs::read(script.unwrap().path()).unwrap();
        player::sign_in(&script).await.must_be_sound();
        played += 1;
    }
    assert!(played > 20, "the corpus is there: {played}");
}

/// Otherwise the fuzzer would try the door and never the rooms behind it.
#[tokio::test(start_paused = true)]
async fn the_corpus_leads_through_every_way_of_signing_in() {
    let play = async |name: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/directory_answers").join(name);
        player::sign_in(&fs::read(script).unwrap()).await.answer
    };
    for (name, username, groups) in [
        ("ldap-alone", "alice", 2),
        ("ldap-service", "alice", 2),
        ("ldap-found-out", "alice", 1),
        ("ad-alone", "alice", 2),
        ("ad-service", "alice", 1),
        ("ad-down-level", "alice", 1),
    ] {
        let person = play(name).await.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!((person.username.as_str(), person.groups.len()), (username, groups), "{name}");
    }
    for (name, refusal) in [
        ("ldap-nobody", DirectoryRefusal::WrongCredentials),
        ("ldap-twins", DirectoryRefusal::WrongCredentials),
        ("ldap-wrong-password", DirectoryRefusal::WrongCredentials),
        ("ldap-locked", DirectoryRefusal::Locked),
        ("ad-data-773", DirectoryRefusal::MustChangePassword),
        ("ad-principal-disabled", DirectoryRefusal::Disabled),
    ] {
        assert_eq!(play(name).await, Err(refusal), "{name}");
    }
}
