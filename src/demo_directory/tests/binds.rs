use super::*;

fn sub_code(result: &LdapResult) -> &str {
    assert_eq!(result.rc, 49, "{result:?}");
    let text = result.text.strip_prefix("80090308: LdapErr: ").expect(&result.text);
    text.split("AcceptSecurityContext error, data ").nth(1).unwrap().split(',').next().unwrap()
}

#[tokio::test]
async fn each_form_of_name_binds() {
    let demo = DemoFixture::start().await;
    for name in ["alice@belvedere.example", r"DEMO\alice", "CN=Alice Johnson,OU=New York,OU=People,DC=belvedere,DC=example"] {
        assert_eq!(demo.bind(name, &demo.password_of("alice")).await.rc, 0, "{name:?}");
    }
}

#[tokio::test]
async fn every_account_printed_gets_what_it_shows() {
    let demo = DemoFixture::start().await;
    let refused = [("dave", "533"), ("erin", "701"), ("frank", "775"), ("heidi", "773"), ("ivan", "532")];
    for account in demo.directory.accounts() {
        let result = demo.bind(&format!(r"DEMO\{}", account.username), &account.password).await;
        match refused.iter().find(|(username, _)| *username == account.username) {
            Some((username, code)) => assert_eq!(sub_code(&result), *code, "{username}"),
            None => assert_eq!(result.rc, 0, "{}: {result:?}", account.username),
        }
    }
}

#[tokio::test]
async fn the_wrong_password_tells_nothing_but_that_an_account_is_locked() {
    let demo = DemoFixture::start().await;
    for username in ["alice", "dave", "erin", "heidi", "ivan", "nobody"] {
        let result = demo.bind(&format!("{username}@belvedere.example"), "wrong").await;
        assert_eq!(sub_code(&result), "52e", "{username}");
    }
    assert_eq!(sub_code(&demo.bind("frank@belvedere.example", "wrong").await), "775");
    assert_eq!(sub_code(&demo.bind("alice", "alice-demo").await), "52e", "a bare name");
}

#[tokio::test]
async fn an_empty_password_succeeds_as_anonymous_and_opens_nothing() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client().await;
    assert_eq!(client.simple_bind("alice@belvedere.example", "").await.unwrap().rc, 0);
    let refused = client.search(DOMAIN, Scope::Subtree, "(objectClass=*)", ["1.1"]).await.unwrap().success();
    let ldap3::LdapError::LdapResult { result } = refused.unwrap_err() else { panic!("no result") };
    assert_eq!(result.rc, 1);
    assert!(result.text.contains("a successful bind must be completed on the connection"), "{}", result.text);
}

#[tokio::test]
async fn a_failed_bind_takes_the_identity_before_away() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    assert_eq!(dns(&mut client, DOMAIN, Scope::Base, "(objectClass=*)").await, [DOMAIN]);
    assert_eq!(client.simple_bind("alice@belvedere.example", "wrong").await.unwrap().rc, 49);
    let refused = client.search(DOMAIN, Scope::Base, "(objectClass=*)", ["1.1"]).await.unwrap().1;
    assert_eq!(refused.rc, 1);
}

#[tokio::test]
async fn too_many_wrong_passwords_lock_until_the_clock_has_moved() {
    let lockout =
        SampleLockoutPolicy { threshold: 3, observation_window: Duration::from_mins(30), duration: Duration::from_mins(30) };
    let demo = DemoFixture::serving(&SampleDomain { lockout, ..SampleDomain::demo() }).await;
    for _ in 0..3 {
        assert_eq!(sub_code(&demo.bind(r"DEMO\alice", "wrong").await), "52e");
    }
    assert_eq!(sub_code(&demo.bind(r"DEMO\alice", "alice-demo").await), "775");
    assert_eq!(demo.bind(r"DEMO\bob", "bob-demo").await.rc, 0, "the lock is alice's alone");

    let mut client = demo.client_bound_as("bob").await;
    let wanted = ["lockoutTime", "badPwdCount", "msDS-User-Account-Control-Computed"];
    let locked = "(&(objectClass=user)(lockoutTime>=1)(sAMAccountName=alice))";
    let found = entries(&mut client, DOMAIN, Scope::Subtree, locked, &wanted).await;
    assert_eq!(values(&found[0], "badPwdCount"), ["3"]);
    assert_eq!(values(&found[0], "msDS-User-Account-Control-Computed"), ["16"]);
    let head = entries(&mut client, DOMAIN, Scope::Base, "(objectClass=*)", &["lockoutThreshold", "lockoutDuration"]);
    let head = head.await.remove(0);
    assert_eq!(values(&head, "lockoutThreshold"), ["3"]);
    assert_eq!(values(&head, "lockoutDuration"), ["-18000000000"]);

    demo.clock.advance(Duration::from_mins(30));
    assert_eq!(demo.bind(r"DEMO\alice", "alice-demo").await.rc, 0);
}

#[tokio::test]
async fn who_am_i_says_who_is_bound() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client().await;
    let who =
        |answer: ldap3::result::ExopResult| String::from_utf8(answer.success().unwrap().0.val.unwrap_or_default()).unwrap();
    assert_eq!(who(client.extended(ldap3::exop::WhoAmI).await.unwrap()), "");
    client.simple_bind("jmueller@belvedere.example", "jmueller-demo").await.unwrap().success().unwrap();
    assert_eq!(who(client.extended(ldap3::exop::WhoAmI).await.unwrap()), r"u:DEMO\jmueller");
}

#[tokio::test]
async fn tls_unknown_operations_and_changes_are_refused_and_the_connection_lives_on() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    for (oid, code) in [("1.3.6.1.4.1.1466.20037", 52), ("1.2.3.4", 2), ("1.2.840.113556.1.4.1781", 2)] {
        let exop = ldap3::exop::Exop { name: Some(oid.to_owned()), val: None };
        assert_eq!(client.extended(exop).await.unwrap().1.rc, code, "{oid}");
    }
    assert_eq!(client.delete(DOMAIN).await.unwrap().rc, 53);
    assert_eq!(client.sasl_external_bind().await.unwrap().rc, 7);
    client.simple_bind(r"DEMO\alice", "alice-demo").await.unwrap().success().unwrap();
}
