//! Files that are read whole, while they are written.

use std::io::Write as _;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

#[tokio::test]
async fn rows_of_csv_json_and_text_are_read_and_read_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("stock.csv", "\u{feff}city;count\nMontréal;5\n\"San; José\";007\n");
    write("stock.json", "{\"count\": 9007199254740993}");
    write("note.txt", "closed\n");
    let (csv, json, note) =
        (opened(&folder, "stock.csv", ""), opened(&folder, "stock.json", ""), opened(&folder, "note.txt", ""));
    assert_eq!(text(&*csv, "map(\"\\(.city): \\(.count)\") | join(\" | \")").await, "Montréal: 5 | San; José: 007");
    assert_eq!(text(&*json, ".count | tostring").await, "9007199254740993");
    assert_eq!(text(&*note, ".").await, "closed");
    write("stock.csv", "city;count\nLA;6\n");
    assert_eq!(ask(&*csv, ".[0].count", &[]).await, Ok(Reading::Number(6.0)));
    // Of the same length, and within the same second.
    write("new.csv", "city;count\nLA;7\n");
    fs::rename(folder.path().join("new.csv"), folder.path().join("stock.csv")).unwrap();
    assert_eq!(ask(&*csv, ".[0].count", &[]).await, Ok(Reading::Number(7.0)));
    fs::remove_file(folder.path().join("stock.csv")).unwrap();
    assert!(matches!(ask(&*csv, ".", &[]).await, Err(SourceError::Unreachable(_))));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_is_shown_when_it_is_whole_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stock.csv");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"city,count\n").unwrap();
    let writer = async {
        for count in 0..6 {
            writeln!(file, "LA,{count}").unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let whole = WholeFile::new(&path, FileFormat::Document(crate::sources::format::DocumentFormat::Csv), None, 1 << 20);
    let whole = whole.with_settle_time(Duration::from_secs(2));
    let (document, ()) = tokio::join!(whole.read(), writer);
    let rows: Vec<serde_json::Value> = serde_json::from_slice(document.unwrap().text()).unwrap();
    assert_eq!(rows.len(), 6);
}

/// An Excel file with these sheets.
fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    workbook_with(sheets, &[])
}

/// An Excel file with these sheets, and further members.
fn workbook_with(sheets: &[(&str, &str)], members: &[(&str, &str)]) -> Vec<u8> {
    // As of a program that writes into a pipe: the sizes stand behind the members, and in the directory at the end.
    let mut zip = ZipWriter::new_stream(Vec::new());
    let mut add = |name: &str, text: &str| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    add(
        "_rels/.rels",
        &format!(
            "<Relationships xmlns=\"{package}\"><Relationship Id=\"r\" Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    let sheet = |(at, (name, _)): (u32, &(&str, &str))| format!("<sheet name=\"{name}\" sheetId=\"{at}\" r:id=\"r{at}\"/>");
    let list: Vec<_> = (1..).zip(sheets).map(sheet).collect();
    let list = list.concat();
    add("xl/workbook.xml", &format!("<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\"><sheets>{list}</sheets></workbook>"));
    let target =
        |at| format!("<Relationship Id=\"r{at}\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet{at}.xml\"/>");
    let targets = (1..=sheets.len()).map(target).collect::<Vec<_>>().concat();
    add("xl/_rels/workbook.xml.rels", &format!("<Relationships xmlns=\"{package}\">{targets}</Relationships>"));
    add(
        "xl/styles.xml",
        &format!(
            "<styleSheet xmlns=\"{main}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>"
        ),
    );
    for (at, (_, rows)) in (1..).zip(sheets) {
        let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
        add(&format!("xl/worksheets/sheet{at}.xml"), &sheet);
    }
    for (name, text) in members {
        add(name, text);
    }
    zip.finish().unwrap().into_inner()
}

fn word(cell: &str, text: &str) -> String {
    format!("<c r=\"{cell}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

#[tokio::test]
async fn an_excel_sheet_is_rows_under_its_header_with_dates_and_numbers_as_one_reads_them() {
    let header = format!(
        "<row r=\"2\">{}{}{}{}{}</row>",
        word("B2", "item"),
        word("C2", "count"),
        word("D2", "since"),
        word("E2", "seen"),
        word("F2", "ok")
    );
    let row = "<row r=\"3\"><c r=\"B3\" t=\"inlineStr\"><is><t>Größe</t></is></c><c r=\"C3\"><v>5</v></c><c r=\"D3\" s=\"1\"><v>46356</v></c>\
               <c r=\"E3\" s=\"2\"><v>46356.75</v></c><c r=\"F3\" t=\"b\"><v>1</v></c></row>";
    let rest = "<row r=\"4\"><c r=\"B4\" t=\"inlineStr\"><is><t>Bolt</t></is></c><c r=\"C4\"><v>1.5</v></c><c r=\"F4\" t=\"e\"><v>#N/A</v></c></row>\
                <row r=\"9\"><c r=\"Z9\"><v>1</v></c></row>";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stock.xlsx");
    let rows = format!("{header}{row}{rest}");
    fs::write(&path, workbook(&[("Notes", ""), ("Stock", &rows)])).unwrap();
    let source = opened(&folder, "stock.xlsx", "sheet = \"Stock\"");
    assert_eq!(
        text(&*source, "tojson").await,
        r#"[{"item":"Größe","count":5,"since":"2026-11-30","seen":"2026-11-30T18:00:00","ok":true},{"item":"Bolt","count":1.5,"since":null,"seen":null,"ok":null}]"#
    );
    assert_eq!(text(&*opened(&folder, "stock.xlsx", ""), "tojson").await, "[]", "the first sheet is empty");
    let error = ask(&*opened(&folder, "stock.xlsx", "sheet = \"Stok\""), ".", &[]).await.unwrap_err().to_string();
    assert!(error.contains("no sheet 'Stok'; it has Notes, Stock"), "{error}");

    fs::write(&path, "PK no zip").unwrap();
    let error = ask(&*source, ".", &[]).await.unwrap_err();
    assert!(matches!(&error, SourceError::BadAnswer(why) if why.contains("no Excel file")), "{error}");
    let far = "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>";
    fs::write(&path, workbook(&[("Stock", far)])).unwrap();
    assert!(matches!(ask(&*source, ".", &[]).await, Err(SourceError::TooLarge(_))));
    let bomb = format!("<row r=\"1\">{}</row>", word("A1", &" ".repeat(80 << 20)));
    fs::write(&path, workbook(&[("Stock", &bomb)])).unwrap();
    let error = ask(&*source, ".", &[]).await.unwrap_err();
    assert!(matches!(&error, SourceError::TooLarge(why) if why.contains("unpacked")), "{error}");
}

#[tokio::test]
async fn an_excel_file_that_would_take_more_memory_than_it_may_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stock.xlsx");
    let source = opened(&folder, "stock.xlsx", "");
    let shared = |count: u64, text: &str| format!("<sst uniqueCount = \"{count}\"><si><t>{text}</t></si></sst>");
    let refers = |at: usize| format!("<row r=\"{at}\"><c r=\"A{at}\" t=\"s\"><v>0</v></c></row>");
    fs::write(&path, workbook_with(&[("Stock", &refers(1))], &[("xl/sharedStrings.xml", &shared(1, "item"))])).unwrap();
    assert_eq!(text(&*source, "tojson").await, "[]", "a header alone");

    let long = "x".repeat(32_000);
    let many = (1..=2_000).map(refers).collect::<Vec<_>>().concat();
    let rows = |cell: &str| (2..=2_000).map(|at| format!("<row r=\"{at}\">{cell}</row>")).collect::<Vec<_>>().concat();
    let wide = format!("<row r=\"1\">{}</row>{}", word("A1", &long), rows("<c><v>1</v></c>"));
    let font = "n".repeat(100_000);
    let styles = format!(
        "<styleSheet><fonts><font><name val=\"{font}\"/></font></fonts><cellXfs>{}</cellXfs></styleSheet>",
        "<xf/>".repeat(5_000)
    );
    let hidden = shared(1 << 40, "item").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hidden = String::from_utf8(hidden).unwrap();
    for (what, sheet, member, content) in [
        ("a declared count", refers(1), "xl/sharedStrings.xml", shared(1 << 40, "item")),
        ("the same in UTF-16", refers(1), "xl/sharedStrings.xml", hidden),
        ("one long text in many cells", many, "xl/sharedStrings.xml", shared(1, &long)),
        ("one long name above many rows", wide, "xl/other.xml", String::new()),
        ("one long font of many formats", refers(1), "xl/other/styles.xml", styles),
        ("many sheets", refers(1), "xl/other.xml", "<sheet/>".repeat(10_001)),
    ] {
        fs::write(&path, workbook_with(&[("Stock", &sheet)], &[(member, &content)])).unwrap();
        let error = ask(&*source, ".", &[]).await.unwrap_err();
        assert!(matches!(&error, SourceError::TooLarge(_)), "{what}: {error}");
    }
}
