//! The little HTML that pages are made of. What is shown is escaped here and nowhere else.

/// What is between the tags of a page.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// A cell of a table.
pub(super) enum Cell {
    Text(String),
    Number(String),
    Bad(String),
}

pub(super) const STYLE: &str = "
:root { color-scheme: light dark; --line: #8886; --bad: light-dark(#a40000, #ff9d9d); --good: light-dark(#00602b, #7fdca4); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 0 1rem 3rem; }
h1 { font-size: 1.4rem; margin: 1rem 0 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; min-width: 60%; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; } .number { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); font-weight: 600; }
nav a { display: inline-block; padding: .4rem .9rem .4rem 0; } form { margin: .5rem 0; }
input, button { font: inherit; padding: .3rem .5rem; } footer { margin-top: 2rem; }
";

impl Page {
    pub(super) fn heading(&mut self, text: &str) {
        self.0 += &format!("<h2>{}</h2>\n", escape(text));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.0 += &format!("<p>{}</p>\n", escape(text));
    }

    /// A statement that is good or bad.
    pub(super) fn verdict(&mut self, name: &str, is_good: bool, text: &str) {
        let class = if is_good { "good" } else { "bad" };
        self.0 += &format!("<p>{}: <span class=\"{class}\">{}</span></p>\n", escape(name), escape(text));
    }

    /// A table; `instead` is said where it has no rows.
    pub(super) fn table(&mut self, name: &str, heads: &[&str], rows: Vec<Vec<Cell>>, instead: &str) {
        self.heading(name);
        if rows.is_empty() {
            return self.paragraph(instead);
        }
        // Who has no mouse can scroll it, too.
        self.0 += &format!(
            "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\"><table><thead><tr>",
            escape(name)
        );
        for head in heads {
            self.0 += &format!("<th scope=\"col\">{}</th>", escape(head));
        }
        self.0 += "</tr></thead><tbody>\n";
        for row in rows {
            self.0 += "<tr>";
            for cell in row {
                self.0 += &match cell {
                    Cell::Text(text) => format!("<td>{}</td>", escape(&text)),
                    Cell::Number(text) => format!("<td class=\"number\">{}</td>", escape(&text)),
                    Cell::Bad(text) => format!("<td class=\"bad\">{}</td>", escape(&text)),
                };
            }
            self.0 += "</tr>\n";
        }
        self.0 += "</tbody></table></div>\n";
    }

    /// Asks for a user's page.
    pub(super) fn user_form(&mut self) {
        self.0 += "<form action=\"/user\" method=\"get\"><label for=\"name\">Address of a user</label> \
                   <input id=\"name\" name=\"name\" type=\"text\" autocomplete=\"off\" required> <button>Show</button></form>\n";
    }

    /// The whole document.
    pub(super) fn document(self, title: &str) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
             <header><h1>{title}</h1>\n<nav aria-label=\"Pages\"><a href=\"/\">Status</a> <a href=\"/metrics\">Metrics</a> \
             <a href=\"/healthz\">Alive?</a> <a href=\"/readyz\">Ready?</a></nav></header>\n<main>\n{}</main>\n</body>\n</html>\n",
            self.0,
            title = escape(title),
        )
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No way to turn what is beside it around.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_text() {
        let mut page = Page::default();
        page.table("a\"b", &["<h>"], vec![vec![Cell::Text("<script>'&\u{202e}\n".into())]], "none");
        let text = page.document("</title>");
        assert!(
            text.contains("&lt;script&gt;&#39;&amp;\u{fffd} </td>") && text.contains("aria-label=\"a&quot;b\""),
            "{text}"
        );
        assert!(!text.contains("<script") && text.contains("<title>&lt;/title&gt;</title>"));
    }
}
