#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;

use super::*;

/// 2026-11-22.
const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_hours(498_703));

type Authority = CertifiedIssuer<'static, KeyPair>;

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a server");
    params
}

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "an authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued(by: &Authority, params: &CertificateParams) -> CertificateDer<'static> {
    params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().clone()
}

fn self_signed(params: &CertificateParams) -> CertificateDer<'static> {
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

fn trusting(certificates: &[&CertificateDer<'_>]) -> ServerTrust {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let pem = |der: &&CertificateDer<'_>| {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
    };
    std::fs::write(&file, certificates.iter().map(pem).collect::<String>()).unwrap();
    ServerTrust::new(Some(&file), &[]).unwrap()
}

fn verify(trust: &ServerTrust, host: &str, chain: &[&CertificateDer<'static>]) -> Result<(), CertificateProblem> {
    let chain: Vec<_> = chain.iter().map(|certificate| (*certificate).clone()).collect();
    trust.verify(&chain, &ServerName::try_from(host.to_owned()).unwrap(), NOW)
}

#[test]
fn a_certificate_in_the_file_itself_is_trusted_for_its_names_and_dates_whether_or_not_it_is_an_authority() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut like = params(&["nas.corp", "10.0.0.9"]);
        like.is_ca = is_ca;
        let own = self_signed(&like);
        let trust = trusting(&[&own]);
        assert_eq!(verify(&trust, "nas.corp", &[&own]), Ok(()));
        assert_eq!(verify(&trust, "10.0.0.9", &[&own]), Ok(()));
        assert!(
            matches!(verify(&trust, "other.corp", &[&own]), Err(CertificateProblem::OtherName { names, .. }) if names == ["nas.corp", "10.0.0.9"])
        );
        let twin = self_signed(&like);
        assert!(verify(&trust, "nas.corp", &[&twin]).unwrap_err().is_unknown_issuer(), "another one with the same names");
        like.not_after = rcgen::date_time_ymd(2002, 1, 1);
        let old = self_signed(&like);
        assert_eq!(
            verify(&trusting(&[&old]), "nas.corp", &[&old]),
            Err(CertificateProblem::Expired { on: "2002-01-01".into() })
        );
    }
    let nameless = self_signed(&params(&[]));
    assert!(matches!(verify(&trusting(&[&nameless]), "nas.corp", &[&nameless]), Err(CertificateProblem::NoName { .. })));
    let leaf = issued(&authority(), &params(&["nas.corp"]));
    assert_eq!(verify(&trusting(&[&leaf]), "nas.corp", &[&leaf]), Ok(()), "whoever signed it");
}

#[test]
fn a_server_in_the_file_vouches_for_no_other() {
    let mut server = params(&["nas.corp"]);
    server.distinguished_name.push(DnType::CommonName, "the NAS");
    let key = KeyPair::generate().unwrap();
    let server = CertifiedIssuer::self_signed(server, key).unwrap();
    let forged = issued(&server, &params(&["dc1.corp"]));
    let trust = trusting(&[&server.der().clone()]);
    assert!(verify(&trust, "dc1.corp", &[&forged]).unwrap_err().is_unknown_issuer());
    let authority = authority();
    assert_eq!(
        verify(&trusting(&[&authority.der().clone()]), "dc1.corp", &[&issued(&authority, &params(&["dc1.corp"]))]),
        Ok(())
    );
}

#[test]
fn a_fingerprint_trusts_one_certificate_whatever_its_names_and_no_other_and_its_dates_count() {
    let (pinned, other) = (self_signed(&params(&[])), self_signed(&params(&["dc1.corp"])));
    let trust = ServerTrust::new(None, &[CertificateFingerprint::of_der(&pinned)]).unwrap();
    assert_eq!(verify(&trust, "dc1.corp", &[&pinned]), Ok(()));
    let refused = verify(&trust, "dc1.corp", &[&other]).unwrap_err();
    assert_eq!(refused, CertificateProblem::OtherFingerprint { fingerprint: CertificateFingerprint::of_der(&other) });
    let mut ended = params(&["dc1.corp"]);
    ended.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let ended = self_signed(&ended);
    let trust = ServerTrust::new(None, &[CertificateFingerprint::of_der(&ended)]).unwrap();
    assert!(matches!(verify(&trust, "dc1.corp", &[&ended]), Err(CertificateProblem::Expired { .. })));
    let mut early = params(&["dc1.corp"]);
    early.not_before = rcgen::date_time_ymd(3000, 1, 1);
    early.not_after = rcgen::date_time_ymd(3001, 1, 1);
    let early = self_signed(&early);
    let trust = ServerTrust::new(None, &[CertificateFingerprint::of_der(&early)]).unwrap();
    assert!(matches!(verify(&trust, "dc1.corp", &[&early]), Err(CertificateProblem::NotYetValid { .. })));
}

#[test]
fn what_an_authority_may_not_do_has_a_word_of_its_own() {
    let authority = authority();
    let trust = trusting(&[&authority.der().clone()]);
    let mut client = params(&["dc1.corp"]);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    assert_eq!(verify(&trust, "dc1.corp", &[&issued(&authority, &client)]), Err(CertificateProblem::NotForServers));
    let mut intermediate = params(&["dc1.corp"]);
    intermediate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(verify(&trust, "dc1.corp", &[&issued(&authority, &intermediate)]), Err(CertificateProblem::AuthorityAsServer));
    let stranger = self::authority();
    let unknown = verify(&trust, "dc1.corp", &[&issued(&stranger, &params(&["dc1.corp"]))]);
    assert!(matches!(unknown, Err(CertificateProblem::UnknownIssuer { issuer }) if issuer.contains("another key")));
    assert_eq!(trust.verify(&[], &"dc1.corp".try_into().unwrap(), NOW), Err(CertificateProblem::Malformed));
    let garbage = CertificateDer::from(vec![0x30, 3, 1, 2, 3]);
    assert_eq!(verify(&trust, "dc1.corp", &[&garbage]), Err(CertificateProblem::Malformed));
}

/// A self-signed certificate that no library here makes, by the `openssl` command: of a key made so, with names or of the version
/// without.
fn made_by_openssl(key: &[&str], is_named: bool) -> Option<CertificateDer<'static>> {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).current_dir(folder.path()).output();
        made.is_ok_and(|made| made.status.success())
    };
    let new_request = ["req", "-new", "-subj", "/CN=old.corp", "-key", "key.pem"];
    let named = ["-x509", "-days", "36500", "-addext", "subjectAltName=DNS:old.corp", "-out", "cert.pem"];
    let nameless = ["x509", "-req", "-days", "36500", "-signkey", "key.pem", "-in", "request.pem", "-out", "cert.pem"];
    let is_made = run(&[&["genpkey", "-out", "key.pem"], key].concat())
        && if is_named {
            run(&[&new_request[..], &named].concat())
        } else {
            run(&[&new_request[..], &["-out", "request.pem"]].concat()) && run(&nameless)
        };
    if !is_made {
        println!("NOT TRIED: there is no openssl here, or it makes no such certificate: {key:?}");
    }
    is_made.then(|| CertificateDer::from_pem_file(folder.path().join("cert.pem")).unwrap())
}

#[test]
fn keys_and_versions_that_are_not_spoken_are_named_and_no_bytes_are() {
    let rsa = |bits: &'static str| vec!["-algorithm", "RSA", "-pkeyopt", bits];
    let ec = |curve: &'static str| vec!["-algorithm", "EC", "-pkeyopt", curve];
    let cases = [
        (rsa("rsa_keygen_bits:1024"), true, "has 1024 bits"),
        (ec("ec_paramgen_curve:P-521"), true, "P-521"),
        (ec("ec_paramgen_curve:secp256k1"), true, "secp256k1"),
        (vec!["-algorithm", "ED448"], true, "Ed448"),
        (rsa("rsa_keygen_bits:2048"), false, "X.509 version 1"),
    ];
    for (key, is_named, expected) in cases {
        let Some(certificate) = made_by_openssl(&key, is_named) else { continue };
        let pinned = ServerTrust::new(None, &[CertificateFingerprint::of_der(&certificate)]).unwrap();
        for trust in [trusting(&[&certificate]), pinned] {
            let problem = verify(&trust, "old.corp", &[&certificate]).unwrap_err();
            assert!(problem.reason().contains(expected), "{key:?}: {problem}");
            assert!(problem.remedy().contains("give the server a certificate"), "{key:?}: {problem}");
        }
    }
}
