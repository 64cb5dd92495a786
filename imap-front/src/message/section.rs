use mail_core::message::{Section, SectionText};

use crate::proto::response::Output;

/// Writes a section as it stands between the brackets of a response.
pub fn write_section(section: &Section, output: &mut Output) {
    for (index, number) in section.part.iter().enumerate() {
        if index > 0 {
            output.text(".");
        }
        output.number(*number);
    }
    if !section.part.is_empty() && section.text != SectionText::Whole {
        output.text(".");
    }
    let (word, names) = match &section.text {
        SectionText::Whole => return,
        SectionText::Header => ("HEADER", None),
        SectionText::HeaderFields(names) => ("HEADER.FIELDS", Some(names)),
        SectionText::HeaderFieldsNot(names) => ("HEADER.FIELDS.NOT", Some(names)),
        SectionText::Text => ("TEXT", None),
        SectionText::Mime => ("MIME", None),
    };
    output.text(word);
    if let Some(names) = names {
        output.text(" (");
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                output.text(" ");
            }
            output.astring(name);
        }
        output.text(")");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written() {
        let section =
            Section { part: vec![1, 2], text: SectionText::HeaderFieldsNot(vec!["Date".to_owned(), "x y".to_owned()]) };
        let mut output = Output::default();
        write_section(&section, &mut output);
        assert_eq!(output.take().as_deref(), Some(&b"1.2.HEADER.FIELDS.NOT (Date \"x y\")"[..]));
    }
}
