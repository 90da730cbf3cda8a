//! The pages of the measured program.

use std::fmt::Write as _;
use std::path::Path;

/// The public pages whose choices are flooded.
pub(crate) const FLOODED: [&str; 4] = ["one", "two", "three", "four"];

/// The options of a flooded page's input.
pub(crate) const OPTIONS: usize = 400;

/// The public page whose filters want much memory.
pub(crate) const HUNGRY: &str = "hungry";

/// Its filters, on a text of a mebibyte.
const HUNGRY_FILTERS: [&str; 2] = [r#"[.text | match("\\w+"; "g")] | length"#, r#"[.text | scan(".")] | length"#];

/// Writes the pages into the folder: a member's board and page of choices, and the strangers' pages.
pub(crate) fn write(folder: &Path) {
    let board = "title = \"Board\"\n[[panel]]\nid = \"cpu\"\ntitle = \"CPU\"\nkind = \"stat\"\n\
                 source = \"host\"\nquery = \"cpu.total\"\nevery = \"100ms\"\n";
    write_page(folder, "own", board);
    write_page(folder, "choices", &page_of_choices("signed-in"));
    for slug in FLOODED {
        write_page(folder, slug, &page_of_choices("public"));
    }
    let mut hungry = "title = \"Hungry\"\naccess = \"public\"\n".to_owned();
    for at in 0..10 {
        let filter = HUNGRY_FILTERS[at % HUNGRY_FILTERS.len()];
        let panel = "kind = \"stat\"\nsource = \"text\"\nevery = \"1s\"";
        write!(hungry, "[[panel]]\nid = \"p{at}\"\ntitle = \"{at}\"\n{panel}\nquery = '''{filter} + {at}'''\n").unwrap();
    }
    write_page(folder, HUNGRY, &hungry);
}

fn write_page(folder: &Path, slug: &str, text: &str) {
    std::fs::write(folder.join(format!("{slug}.toml")), text).unwrap();
}

fn page_of_choices(access: &str) -> String {
    let options: Vec<_> = (0..OPTIONS).map(|option| format!("\"{option}\"")).collect();
    let input = format!("[[input]]\nname = \"city\"\nkind = \"dropdown\"\noptions = [{}]", options.join(", "));
    let panel =
        "[[panel]]\nid = \"stock\"\ntitle = \"Stock\"\nkind = \"stat\"\nsource = \"stock\"\nquery = \".stock\"\nevery = \"1h\"";
    format!("title = \"Choices\"\naccess = \"{access}\"\n{input}\n{panel}\n")
}
