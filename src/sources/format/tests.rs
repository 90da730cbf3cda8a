#![allow(clippy::unwrap_used)]

use super::*;

fn json_of(format: DocumentFormat, bytes: &[u8]) -> Result<String, String> {
    let document = format.document(bytes.to_vec(), "stock.corp").map_err(|error| error.to_string())?;
    Ok(String::from_utf8(document.text().to_vec()).unwrap())
}

#[test]
fn rows_become_objects_with_typed_cells() {
    for (csv, json) in [
        ("city,count\nLA,4\nNYC,\n", r#"[{"city":"LA","count":4},{"city":"NYC","count":null}]"#),
        ("\u{feff}city;price\r\nZürich;1,5\r\n", r#"[{"city":"Zürich","price":"1,5"}]"#),
        ("a\tb\n\"x\ty\"\t\"say \"\"hi\"\"\"\n", r#"[{"a":"x\ty","b":"say \"hi\""}]"#),
        ("id,n\n007, 12345678901234567890123 \n", r#"[{"id":"007","n":12345678901234567890123}]"#),
        ("n\n-0.5e3\nNaN\n+1\n1e5\n", r#"[{"n":-0.5e3},{"n":"NaN"},{"n":"+1"},{"n":1e5}]"#),
        ("n\n\"two\nlines\"\n", r#"[{"n":"two\nlines"}]"#),
        ("a,b\n", "[]"),
        ("", "[]"),
    ] {
        assert_eq!(json_of(DocumentFormat::Csv, csv.as_bytes()), Ok(json.to_owned()), "{csv:?}");
    }
    assert_eq!(json_of(DocumentFormat::Csv, b"a\nM\xfcller\n"), Ok("[{\"a\":\"M\u{fffd}ller\"}]".to_owned()));
}

#[test]
fn a_row_that_cannot_be_read_is_told_by_its_line_and_not_repeated() {
    let error = json_of(DocumentFormat::Csv, b"a,b\n1,2\nhunter2\n").unwrap_err();
    assert!(error.contains("stock.corp") && error.contains("line 3") && error.contains("has 1 cells"), "{error}");
    let twice = json_of(DocumentFormat::Csv, b"a,b,a\n1,2,3\n").unwrap_err();
    assert!(twice.contains("two columns of one name") && !error.contains("hunter2"), "{twice} {error}");
}

#[test]
fn a_small_text_does_not_become_a_large_document() {
    let long_name = format!("{}\n{}", "x".repeat(64 * 1024), "1\n".repeat(10_000));
    assert!(json_of(DocumentFormat::Csv, long_name.as_bytes()).unwrap_err().contains("too many rows"));
    let columns: Vec<_> = (0..200_000).map(|number| number.to_string()).collect();
    assert!(json_of(DocumentFormat::Csv, columns.join(",").as_bytes()).unwrap_err().contains("1000 columns"));
}

#[test]
fn text_is_one_string() {
    for (text, json) in [("up\n", r#""up""#), ("a\r\nb\r\n", r#""a\r\nb""#), ("", r#""""#), ("\u{feff}x", r#""x""#)] {
        assert_eq!(json_of(DocumentFormat::Text, text.as_bytes()), Ok(json.to_owned()), "{text:?}");
    }
}

#[test]
fn xml_is_an_object_of_its_elements() {
    let json = |text: &str| {
        let document = DocumentFormat::Xml.document(text.as_bytes().to_vec(), "stock.corp");
        document.map(|document| String::from_utf8(document.text().to_vec()).unwrap()).map_err(|error| error.to_string())
    };
    let stock = "\u{feff}<?xml version='1.0'?>\n<!-- <no/> --><stock at=\"5 &lt; 6\">\n <item id='1'>Caf&#233; &amp; bar</item>\n \
                 <item id='2'><![CDATA[<b>]]></item><total> 7 </total><none/><empty></empty></stock>";
    assert_eq!(
        json(stock).unwrap(),
        r##"{"stock":{"@at":"5 < 6","item":[{"@id":"1","#text":"Café & bar"},{"@id":"2","#text":"<b>"}],"total":"7","none":null,"empty":null}}"##
    );
    assert_eq!(json("<a><b>1</b>2<b/>3</a>").unwrap(), r##"{"a":{"b":["1",null],"#text":"23"}}"##);
    assert_eq!(json("<ns:a xmlns:ns='urn:x'/>").unwrap(), r#"{"ns:a":{"@xmlns:ns":"urn:x"}}"#);
    let laughs = "<!DOCTYPE a [<!ENTITY ha \"haha\"><!ENTITY file SYSTEM \"file:///etc/passwd\">]><a>&ha;&file;</a>";
    for (text, reason) in [
        ("<a>\n<b></a>", "line 2: it is no XML"),
        ("<a>\n\n", "it ends in the middle"),
        ("", "there is no element in it"),
        ("{\"a\": 1}", "there is no element in it"),
        (laughs, "an entity that XML does not know by itself"),
        ("<a b=\"&ha;\"/>", "an attribute cannot be read"),
        ("<a b='1' b='2'/>", "an attribute cannot be read"),
        (&*"<a>".repeat(200), "nested deeper than 100 levels"),
    ] {
        let error = json(text).unwrap_err();
        assert!(error.starts_with("the XML of stock.corp cannot be read: line ") && error.contains(reason), "{text}: {error}");
    }
}
