use std::sync::Arc;

use mapi_core::id::Guid;
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{
    FileTime, Form, NamedId, PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue, Restriction,
};
use mapi_core::wire::{Reader, WireError, WireErrorKind, WireResult, Writer};

use super::standard::ALL;
use super::{Folder, Mailbox, Member, Message, Permissions, SearchCriteria, Store, User};

/// Why a snapshot could not be read.
pub type SnapshotError = WireError;

/// "XSBX" and the version of the format.
const MAGIC: u64 = 0x0000_0002_5842_5358;
/// Embedded messages nested deeper are refused.
const MAX_DEPTH: usize = 32;

impl Store {
    /// The users and their mailboxes as bytes. Events and outbound mail are not part of it.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u64(MAGIC).len32(self.users().len());
        for (index, user) in self.users().iter().enumerate() {
            put_user(&mut out, user);
            if let Some(mailbox) = self.mailbox(index) {
                put_mailbox(&mut out, mailbox);
            }
        }
        out.into_vec()
    }

    /// Takes in the users and mailboxes of a snapshot; users of the same address are replaced.
    ///
    /// # Errors
    /// Bytes that are no snapshot, with their offset.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let reader = &mut Reader::new(bytes);
        let at = reader.clone();
        let magic = reader.u64("snapshot magic")?;
        if magic != MAGIC {
            return Err(at.invalid("snapshot magic", magic));
        }
        let count = reader.u32("user count")?;
        for _ in 0..count {
            let user = get_user(reader)?;
            let mailbox = Mailbox::bare(&user, self.clock().clone(), self.manners().clone());
            let mailbox = get_mailbox(reader, mailbox)?;
            self.restore_user(user, mailbox);
        }
        reader.clone().finish("snapshot")
    }
}

fn put_user(out: &mut Writer, user: &User) {
    for text in [&user.address, &user.password, &user.display_name, &user.legacy_dn] {
        put_text(out, text);
    }
    out.guid(user.mailbox_guid).len32(user.aliases.len());
    user.aliases.iter().for_each(|alias| put_text(out, alias));
}

fn get_user(reader: &mut Reader<'_>) -> WireResult<User> {
    let address = get_text(reader)?;
    let (password, display_name, legacy_dn) = (get_text(reader)?, get_text(reader)?, get_text(reader)?);
    let mailbox_guid = reader.guid("mailbox GUID")?;
    let aliases = list(reader, get_text)?;
    Ok(User { address, password, display_name, aliases, legacy_dn, mailbox_guid })
}

fn put_mailbox(out: &mut Writer, mailbox: &Mailbox) {
    let (counter, message_ids) = mailbox.counters();
    out.guid(mailbox.replica_guid()).u64(counter).u64(message_ids.0).u64(message_ids.1);
    put_bag(out, mailbox.properties());
    for set in [&mailbox.delegates().send_as, &mailbox.delegates().send_on_behalf] {
        out.len32(set.len());
        set.iter().for_each(|dn| put_text(out, dn));
    }
    let names: Vec<_> = mailbox.names().iter().collect();
    out.len32(names.len());
    names.into_iter().for_each(|(_, name)| put_name(out, name));
    let mut specials: Vec<_> = mailbox.specials().collect();
    specials.sort_by_key(|(_, id)| *id);
    out.len32(specials.len());
    for (which, id) in specials {
        out.u32(which as u32).u64(id);
    }
    let folders: Vec<_> = mailbox.folders().collect();
    out.len32(folders.len());
    folders.into_iter().for_each(|folder| put_folder(out, folder));
    let mut messages: Vec<_> = mailbox.all_messages().collect();
    messages.sort_by_key(|message| message.id);
    out.len32(messages.len());
    messages.into_iter().for_each(|message| put_message(out, message));
}

fn get_mailbox(reader: &mut Reader<'_>, mut mailbox: Mailbox) -> WireResult<Mailbox> {
    mailbox.set_replica_guid(reader.guid("replica GUID")?);
    let counter = reader.u64("counter")?;
    mailbox.set_counters(counter, (reader.u64("next message id")?, reader.u64("end of message ids")?));
    *mailbox.properties_mut() = get_bag(reader)?;
    mailbox.delegates_mut().send_as = list(reader, get_text)?.into_iter().collect();
    mailbox.delegates_mut().send_on_behalf = list(reader, get_text)?.into_iter().collect();
    for name in list(reader, get_name)? {
        mailbox.names_mut().id(&name, true);
    }
    let specials = list(reader, |reader| Ok((reader.u32("special folder")?, reader.u64("special folder id")?)))?;
    for (which, ..) in ALL {
        let known = specials.iter().find(|(number, _)| *number == which as u32);
        let (_, id) = known.ok_or_else(|| reader.invalid("missing special folder", which as u32))?;
        mailbox.assign_special(which, *id);
    }
    for folder in list(reader, get_folder)? {
        mailbox.insert_folder(folder);
    }
    for message in list(reader, get_message)? {
        mailbox.insert_message(message);
    }
    Ok(mailbox)
}

fn put_folder(out: &mut Writer, folder: &Folder) {
    out.u64(folder.id).u64(folder.parent.unwrap_or(0)).i32(folder.kind);
    put_bag(out, &folder.properties);
    out.u64(folder.change_number).u64(folder.created.0).u64(folder.modified.0).u64(folder.committed.0);
    for set in [&folder.messages, &folder.associated, &folder.recoverable] {
        out.len32(set.len());
        for id in set {
            out.u64(*id);
        }
    }
    out.u32(folder.unread).u32(folder.article_next).u32(folder.deleted_total).u64(folder.version);
    let permissions = &folder.permissions;
    out.u32(permissions.default).u32(permissions.anonymous).len32(permissions.members.len());
    for member in &permissions.members {
        out.u64(member.id.cast_unsigned()).u32(member.rights);
        put_text(out, &member.dn);
    }
    out.bool8(folder.search.is_some());
    if let Some(search) = &folder.search {
        out.bool8(search.restriction.is_some());
        if let Some(restriction) = &search.restriction {
            restriction.encode(out, Form::Rop);
        }
        out.len32(search.scope.len());
        for id in &search.scope {
            out.u64(*id);
        }
        out.bool8(search.recursive);
    }
}

fn get_folder(reader: &mut Reader<'_>) -> WireResult<Folder> {
    let id = |reader: &mut Reader<'_>| reader.u64("id");
    Ok(Folder {
        id: id(reader)?,
        parent: Some(id(reader)?).filter(|parent| *parent != 0),
        kind: reader.i32("folder type")?,
        properties: get_bag(reader)?,
        change_number: id(reader)?,
        created: FileTime(id(reader)?),
        modified: FileTime(id(reader)?),
        committed: FileTime(id(reader)?),
        messages: list(reader, id)?.into_iter().collect(),
        associated: list(reader, id)?.into_iter().collect(),
        recoverable: list(reader, id)?.into_iter().collect(),
        unread: reader.u32("unread")?,
        article_next: reader.u32("next article number")?,
        deleted_total: reader.u32("deleted total")?,
        version: id(reader)?,
        permissions: get_permissions(reader)?,
        search: if reader.bool8("search")? { Some(get_search(reader)?) } else { None },
    })
}

fn get_permissions(reader: &mut Reader<'_>) -> WireResult<Permissions> {
    let (default, anonymous) = (reader.u32("default rights")?, reader.u32("anonymous rights")?);
    let members = list(reader, |reader| {
        let (id, rights) = (reader.u64("member id")?.cast_signed(), reader.u32("member rights")?);
        Ok(Member { id, rights, dn: get_text(reader)? })
    })?;
    Ok(Permissions { members, default, anonymous })
}

fn get_search(reader: &mut Reader<'_>) -> WireResult<SearchCriteria> {
    let restricted = reader.bool8("restriction")?;
    Ok(SearchCriteria {
        restriction: if restricted { Some(Restriction::decode(reader, Form::Rop)?) } else { None },
        scope: list(reader, |reader| reader.u64("search scope"))?,
        recursive: reader.bool8("recursive")?,
    })
}

fn put_message(out: &mut Writer, message: &Message) {
    out.u64(message.id).u64(message.folder).bool8(message.associated).bool8(message.deleted);
    out.u64(message.change_number).u64(message.read_change).bool8(message.read);
    out.u32(message.flags).u32(message.status).u32(message.article).u32(message.size);
    out.u64(message.created.0).u64(message.modified.0).u64(message.committed.0).bytes(&message.search_key);
    put_content(out, &message.content);
}

fn get_message(reader: &mut Reader<'_>) -> WireResult<Message> {
    let id = |reader: &mut Reader<'_>| reader.u64("id");
    let (message_id, folder) = (id(reader)?, id(reader)?);
    let (associated, deleted) = (reader.bool8("associated")?, reader.bool8("deleted")?);
    let (change_number, read_change, read) = (id(reader)?, id(reader)?, reader.bool8("read")?);
    let (flags, status) = (reader.u32("flags")?, reader.u32("status")?);
    let (article, size) = (reader.u32("article number")?, reader.u32("size")?);
    let (created, modified, committed) = (FileTime(id(reader)?), FileTime(id(reader)?), FileTime(id(reader)?));
    let search_key = reader.array("search key")?;
    let content = Arc::new(get_content(reader, 0)?);
    Ok(Message {
        id: message_id,
        folder,
        associated,
        deleted,
        content,
        change_number,
        read_change,
        read,
        flags,
        status,
        article,
        created,
        modified,
        committed,
        search_key,
        size,
    })
}

fn put_content(out: &mut Writer, content: &MessageContent) {
    put_bag(out, &content.properties);
    out.len32(content.recipients.len());
    content.recipients.iter().for_each(|recipient| put_bag(out, recipient));
    out.len32(content.attachments.len());
    for attachment in &content.attachments {
        out.u32(attachment.number);
        put_bag(out, &attachment.properties);
        out.bool8(attachment.embedded.is_some());
        if let Some(embedded) = &attachment.embedded {
            put_content(out, embedded);
        }
    }
}

fn get_content(reader: &mut Reader<'_>, depth: usize) -> WireResult<MessageContent> {
    if depth > MAX_DEPTH {
        return Err(reader.error("embedded message", WireErrorKind::TooDeep(MAX_DEPTH)));
    }
    let properties = get_bag(reader)?;
    let recipients = list(reader, get_bag)?;
    let attachments = list(reader, |reader| {
        let (number, properties) = (reader.u32("attachment number")?, get_bag(reader)?);
        let embedded = if reader.bool8("embedded")? { Some(Box::new(get_content(reader, depth + 1)?)) } else { None };
        Ok(Attachment { number, properties, embedded })
    })?;
    Ok(MessageContent { properties, recipients, attachments })
}

fn put_bag(out: &mut Writer, bag: &PropertyBag) {
    out.len32(bag.len());
    for (key, value) in bag.iter() {
        match key {
            PropertyKey::Tag(tag) => drop(out.u8(0).u32(tag.0)),
            PropertyKey::Named(name, kind) => {
                out.u8(1).u16(kind.0);
                put_name(out, name);
            }
        }
        // A value may be of another type than its key says; its own type is what reads it back.
        out.u16(value.kind().0);
        value.encode(out, Form::FastTransfer);
    }
}

fn get_bag(reader: &mut Reader<'_>) -> WireResult<PropertyBag> {
    let values = list(reader, |reader| {
        let key = match reader.u8("property key")? {
            0 => PropertyKey::Tag(PropertyTag::decode(reader, "property tag")?),
            _ => {
                let kind = PropertyType(reader.u16("property type")?);
                PropertyKey::Named(get_name(reader)?, kind)
            }
        };
        let kind = PropertyType(reader.u16("value type")?);
        Ok((key, PropertyValue::decode(reader, kind, Form::FastTransfer)?))
    })?;
    Ok(values.into_iter().collect())
}

fn put_name(out: &mut Writer, name: &PropertyName) {
    out.guid(name.guid);
    match &name.id {
        None => drop(out.u8(0)),
        Some(NamedId::Lid(lid)) => drop(out.u8(1).u32(*lid)),
        Some(NamedId::Name(text)) => {
            out.u8(2);
            put_text(out, text);
        }
    }
}

fn get_name(reader: &mut Reader<'_>) -> WireResult<PropertyName> {
    let guid: Guid = reader.guid("property set")?;
    let id = match reader.u8("kind of name")? {
        0 => None,
        1 => Some(NamedId::Lid(reader.u32("LID")?)),
        _ => Some(NamedId::Name(get_text(reader)?)),
    };
    Ok(PropertyName { guid, id })
}

fn put_text(out: &mut Writer, text: &str) {
    out.len32(text.len()).bytes(text.as_bytes());
}

fn get_text(reader: &mut Reader<'_>) -> WireResult<String> {
    let size = reader.u32("text size")? as usize;
    Ok(String::from_utf8_lossy(reader.bytes(size, "text")?).into_owned())
}

/// A 32-bit count, then so many elements of a byte or more.
fn list<'a, T>(
    reader: &mut Reader<'a>,
    mut element: impl FnMut(&mut Reader<'a>) -> WireResult<T>,
) -> WireResult<Vec<T>> {
    let count = reader.u32("count")? as usize;
    reader.check_count(count, 1, "count")?;
    let mut out = Vec::with_capacity(count.min(1024));
    for _ in 0..count {
        out.push(element(reader)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{MessageBuilder, Random, kinds};
    use crate::store::{Special, SystemClock};

    fn store() -> Store {
        let mut store = Store::new(Arc::new(SystemClock), Default::default());
        store.add_user(User::new("alice@example.test", "demo", "Alice"));
        store
    }

    #[test]
    fn a_mailbox_comes_back_as_it_was() {
        let mut before = store();
        let mut random = Random::new(1);
        let mailbox = before.mailbox_of("alice@example.test").expect("a user");
        let inbox = mailbox.special(Special::Inbox);
        for number in 0..24 {
            let message = kinds::build(&mut random, number, MessageBuilder::new(format!("m{number}")).flagged());
            mailbox.add(inbox, message.categories(&["a"]).build(), false).expect("added");
        }
        let gone = mailbox.folder(inbox).expect("the Inbox").messages.first().copied().expect("one");
        mailbox.delete_messages(inbox, &[gone], false).expect("deleted");
        mailbox.grant(inbox, "/o=bob", 0x401).expect("granted");
        mailbox.delegates_mut().allow_send_as("/o=bob");
        let bytes = before.snapshot();
        let mut after = store();
        after.restore(&bytes).expect("readable");
        assert_eq!(after.snapshot(), bytes);
        let mailbox = after.mailbox_of("alice@example.test").expect("a user");
        assert_eq!(mailbox.folder(inbox).expect("the Inbox").messages.len(), 23);
        let fresh = mailbox.add(inbox, MessageContent::default(), false).expect("added");
        assert!(mailbox.message(fresh).expect("there").article > 24);
    }

    #[test]
    fn broken_snapshots_are_errors() {
        let bytes = store().snapshot();
        for end in (0..bytes.len()).step_by(7) {
            assert!(store().restore(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(store().restore(b"no snapshot at all").is_err());
    }
}
