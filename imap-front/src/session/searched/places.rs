//! What is looked at in each [`Place`](super::sought::Place).

use mail_core::message::{Address, Content, Entity, Field, Fields, html};
use mail_core::work::spend;

use super::found::Found;
use super::sought::{Spaces, Words};
use super::text::{spaced, spaced_in_pieces};

/// Looks at the fields of a name.
pub(super) fn in_fields(fields: Fields<'_>, name: &str, words: &Words) -> Found {
    one_by_one(named(fields, name), words, |field, each| each(&spaced(&field.text())))
}

/// Looks at the addresses in the fields of a name.
pub(super) fn in_addresses(fields: Fields<'_>, name: &str, words: &Words) -> Found {
    one_by_one(named(fields, name), words, |field, each| {
        let shown: Vec<String> = field.addresses().iter().map(Address::text).collect();
        each(&spaced(&shown.join(", ")));
    })
}

/// Looks at the header with its names, and at those of the parts.
pub(super) fn in_headers(root: Entity<'_>, words: &Words) -> Found {
    let mut found = Found::nothing(words);
    found.look(words, Spaces::One, |each| {
        for field in root.fields().iter() {
            each(&String::from_utf8_lossy(field.name));
            each("\n");
            each(&spaced(&field.text()));
            each("\n");
        }
        root.children().for_each(|part| give_headers(part, each));
    });
    found
}

/// Looks at the texts. Of HTML both count: what it shows and how it is written, with the addresses of links.
pub(super) fn in_body(root: Entity<'_>, words: &Words) -> Found {
    let mut found = Found::nothing(words);
    look_in_body(root, words, &mut found);
    found
}

fn named<'a>(fields: Fields<'a>, name: &str) -> impl Iterator<Item = Field<'a>> {
    let begins = |line: &&[u8]| {
        spend(1);
        line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    fields.lines().filter(begins).filter_map(Field::of).filter(|field| field.is(name))
}

/// Looks at fields, none of which goes on in the next.
fn one_by_one<'a>(
    mut fields: impl Iterator<Item = Field<'a>>,
    words: &Words,
    give: impl Fn(&Field<'_>, &mut dyn FnMut(&str)),
) -> Found {
    let mut found = Found::nothing(words);
    // That there is one is enough for the empty word.
    if let Some(first) = fields.next() {
        found.look(words, Spaces::One, |each| {
            give(&first, each);
            for field in fields {
                each("\n");
                give(&field, each);
            }
        });
    }
    found
}

/// Gives what the headers of a part and of those in it say, attachments' names decoded. Recursion is as deep as the structure,
/// which is bounded.
fn give_headers(part: Entity<'_>, each: &mut dyn FnMut(&str)) {
    for field in part.fields().iter() {
        each(&spaced(&field.text()));
        each("\n");
    }
    for name in [part.disposition().parameters.text("filename"), part.part().media.parameters.text("name")] {
        each(&name.unwrap_or_default());
        each("\n");
    }
    part.children().for_each(|part| give_headers(part, each));
}

/// Recursion is as deep as the structure, which is bounded.
fn look_in_body(entity: Entity<'_>, words: &Words, found: &mut Found) {
    if found.is_complete() {
        return;
    }
    let media = &entity.part().media;
    match &entity.part().content {
        Content::Leaf if media.is_exactly("text", "html") => look_in_html(entity, words, found),
        Content::Leaf if media.is("text") => {
            found.look(words, Spaces::AsTheyAre, |each| entity.text_in_pieces(&entity.decoded(), each));
        }
        Content::Leaf | Content::Opaque | Content::Undivided(_) => {}
        Content::Multipart(_) => entity.children().for_each(|part| look_in_body(part, words, found)),
        Content::Message(_) => {
            for message in entity.children() {
                found.look(words, Spaces::One, |each| {
                    for field in message.fields().iter() {
                        each(&spaced(&field.text()));
                        each("\n");
                    }
                });
                look_in_body(message, words, found);
            }
        }
    }
}

fn look_in_html(entity: Entity<'_>, words: &Words, found: &mut Found) {
    let written = entity.text_of(&entity.decoded());
    found.look(words, Spaces::AsTheyAre, |each| each(&written));
    if found.is_complete() {
        return;
    }
    let shown = html::text(&written);
    drop(written);
    found.look(words, Spaces::One, |each| spaced_in_pieces(&shown, each));
}
