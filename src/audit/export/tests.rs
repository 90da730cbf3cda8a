#![allow(clippy::unwrap_used)]

use super::*;

fn record(who: &str) -> AuditRecord {
    AuditRecord {
        id: 7,
        at: Timestamp::from_millis(1_795_309_126_976),
        count: 3,
        last_at: Some(Timestamp::from_millis(1_795_309_127_976)),
        event: "sign-in-refused".to_owned(),
        result: "refused".to_owned(),
        who: Some(who.to_owned()),
        realm: Some("local".to_owned()),
        account: Some("=root".to_owned()),
        person: None,
        address: Some("192.0.2.7".to_owned()),
        session: Some("12".to_owned()),
        token: None,
        page: None,
        reason: Some("locked".to_owned()),
        directory_code: Some("775".to_owned()),
        factor: None,
        user_agent: Some("-Browser, \"quoted\"".to_owned()),
        detail: None,
    }
}

fn cells(who: &str) -> Vec<String> {
    let mut bytes = ExportFormat::Csv.header().unwrap();
    bytes.extend(ExportFormat::Csv.encode(&[record(who)]).unwrap());
    let mut table = csv::Reader::from_reader(bytes.as_slice());
    assert_eq!(table.headers().unwrap().len(), COLUMNS.len());
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1, "{who:?} is one row");
    rows[0].iter().map(str::to_owned).collect()
}

#[test]
fn a_table_has_a_row_an_event_in_the_order_of_its_head() {
    let cells = cells("alice");
    assert_eq!(cells[..5], ["7", "2026-11-22T00:58:46.976Z", "sign-in-refused", "refused", "alice"]);
    assert_eq!(cells[6..9], ["192.0.2.7", "12", ""]);
    assert_eq!(cells[13], "'-Browser, \"quoted\"");
    assert_eq!(cells[15..], ["3", "2026-11-22T00:58:47.976Z", "local", "'=root"]);
    assert!(ExportFormat::Csv.header().unwrap().ends_with(b"user_agent,detail,count,last_at,realm,account\r\n"));
}

#[test]
fn no_cell_is_taken_for_a_formula_by_a_spreadsheet() {
    for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1", "=cmd|'/C calc'!A0"]
    {
        assert_eq!(cells(formula)[4], format!("'{formula}"));
    }
    for text in ["alice", "a=b", "o'neil@corp", "CORP\\alice", "", " =1", "a,b", "\"", "a\r\nb"] {
        assert_eq!(cells(text)[4], text, "kept as it is");
    }
}

#[test]
fn an_object_a_line_has_what_there_is_and_no_name_makes_a_line_of_its_own() {
    for who in ["alice", "a\nb", "a\"},{\"event\":\"signed-in", "a\u{2028}b"] {
        let bytes = ExportFormat::JsonLines.encode(&[record(who), record("bob")]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["who"], &lines[0]["event"]), (&who.into(), &"sign-in-refused".into()));
        assert_eq!(lines[0]["at"], "2026-11-22T00:58:46.976Z");
        assert_eq!((&lines[0]["count"], &lines[0]["last_at"]), (&3.into(), &"2026-11-22T00:58:47.976Z".into()));
        assert!(lines[0].get("page").is_none() && lines[0].get("token").is_none());
    }
}
