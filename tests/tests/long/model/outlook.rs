use std::sync::Arc;

use mapi_core::auth::{BasicCredentials, PlainHttp};
use mapi_core::client::{Client, ClientSettings, EndpointUrl, Endpoints, Tls, TlsSettings};
use mapi_core::id::{FolderId, MessageId};
use mapi_core::mailbox::{ContentsQuery, Mailbox, MessageUpdate, OpenOptions};
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyKey, PropertyName, PropertyRow, PropertyType, PropertyValue, property_set, tags};
use tests::stack::{ALICE, PASSWORD, Stack};

use super::program::{Flags, KEYWORDS, NAMES};

/// Somebody who works in the same mailbox with a MAPI session of his own.
pub struct Outlook {
    mailbox: Mailbox,
    pub here: FolderId,
    pub there: FolderId,
}

type Done = Result<(), String>;

impl Outlook {
    /// Opens the mailbox and makes the other folder.
    pub async fn open(stack: &Stack) -> Result<Self, String> {
        let url = stack.sandbox.emsmdb_url(ALICE).ok_or("no such user")?;
        let emsmdb = EndpointUrl::parse(&url, PlainHttp::Allow).map_err(text)?;
        let credentials = Arc::new(BasicCredentials::new(ALICE, PASSWORD.to_owned().into(), PlainHttp::Allow));
        let dn = stack.sandbox.user(ALICE).ok_or("no such user")?.legacy_dn;
        let tls = Tls::new(&TlsSettings::default()).map_err(text)?;
        let settings = ClientSettings::new(Endpoints { emsmdb, nspi: None }, credentials, dn.clone(), tls);
        let client = Client::new(&settings);
        client.connect().await.map_err(text)?;
        let options = OpenOptions { names: vec![keywords()], subscribe: false };
        let mailbox = Mailbox::open(client, &dn, options).await.map_err(text)?;
        let folders = mailbox.info().folders;
        let there = mailbox.create_folder(folders.ipm_subtree, "Other", "IPF.Note").await.map_err(text)?;
        Ok(Self { here: folders.inbox, there, mailbox })
    }

    pub async fn deliver(&self, marker: &str) -> Done {
        let content = MessageContent {
            properties: PropertyBag::from_iter([
                (tags::PidTagMessageClass, PropertyValue::String("IPM.Note".into())),
                (tags::PidTagSubject, PropertyValue::String(marker.into())),
                (tags::PidTagMessageFlags, PropertyValue::Integer32(0)),
                (tags::PidTagBody, PropertyValue::String(format!("the body of {marker}"))),
            ]),
            ..MessageContent::default()
        };
        self.mailbox.create_message(self.here, &content, false).await.map(drop).map_err(text)
    }

    pub async fn read(&self, marker: &str, read: bool) -> Done {
        let ids = self.find(self.here, marker).await?;
        self.mailbox.set_read(self.here, &ids, read).await.map_err(text)
    }

    pub async fn flag(&self, marker: &str, on: bool) -> Done {
        let flag = PropertyKey::Tag(tags::PidTagFlagStatus);
        match on {
            true => self.update(marker, Some((flag, PropertyValue::Integer32(2))), Vec::new()).await,
            false => self.update(marker, None, vec![flag]).await,
        }
    }

    pub async fn categorise(&self, marker: &str, flags: Flags) -> Done {
        let key = PropertyKey::Named(keywords(), PropertyType::MULTIPLE_STRING);
        let names: Vec<String> =
            KEYWORDS.filter(|bit| flags.0 & (1 << bit) != 0).map(|bit| NAMES[bit].to_owned()).collect();
        match names.is_empty() {
            true => self.update(marker, None, vec![key]).await,
            false => self.update(marker, Some((key, PropertyValue::MultipleString(names))), Vec::new()).await,
        }
    }

    pub async fn edit(&self, marker: &str, body: &str) -> Done {
        let set = (PropertyKey::Tag(tags::PidTagBody), PropertyValue::String(body.into()));
        self.update(marker, Some(set), Vec::new()).await
    }

    pub async fn delete(&self, marker: &str) -> Done {
        let ids = self.find(self.here, marker).await?;
        self.mailbox.delete_messages(self.here, &ids).await.map_err(text)
    }

    pub async fn move_away(&self, marker: &str) -> Done {
        let ids = self.find(self.here, marker).await?;
        self.mailbox.move_copy(self.here, self.there, &ids, false).await.map(drop).map_err(text)
    }

    /// Copies all messages with a marker from the other folder.
    pub async fn copy_back(&self, marker: &str) -> Done {
        let ids = self.find(self.there, marker).await?;
        self.mailbox.move_copy(self.there, self.here, &ids, true).await.map(drop).map_err(text)
    }

    async fn update(&self, marker: &str, set: Option<(PropertyKey, PropertyValue)>, delete: Vec<PropertyKey>) -> Done {
        let ids = self.find(self.here, marker).await?;
        let set = PropertyBag::from_iter(set);
        let update = |mid: &MessageId| MessageUpdate { mid: *mid, set: set.clone(), delete: delete.clone() };
        let updates: Vec<_> = ids.iter().map(update).collect();
        let results = self.mailbox.update_messages(self.here, &updates).await.map_err(text)?;
        results.into_iter().try_for_each(|result| result.map(drop).map_err(text))
    }

    async fn find(&self, folder: FolderId, marker: &str) -> Result<Vec<MessageId>, String> {
        let columns = vec![tags::PidTagMid, tags::PidTagSubject];
        let mut found = Vec::new();
        let take = |rows: Vec<PropertyRow>| {
            for row in &rows {
                let subject = row.values[1].value().and_then(PropertyValue::as_str);
                let id = row.values[0].value().and_then(PropertyValue::as_i64).map(MessageId::from_i64);
                found.extend(id.filter(|_| subject == Some(marker)));
            }
        };
        let query = ContentsQuery { columns, ..ContentsQuery::default() };
        self.mailbox.contents_rows(folder, &query, take).await.map_err(text)?;
        Ok(found)
    }
}

fn keywords() -> PropertyName {
    PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords")
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
