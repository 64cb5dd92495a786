use std::collections::HashMap;

use super::{
    AnsiText, BindRequest, DnToMIdRequest, DnToMIdResponse, GetMatchesRequest, GetMatchesResponse, QueryRowsRequest,
    QueryRowsResponse, ResolveNamesRequest, ResolveNamesResponse, Stat, Table, UnbindRequest, UnicodeText, minimal_id,
};
use crate::ErrorCode;
use crate::client::{Channel, ClientError, ClientSettings};
use crate::http::{Failure, Reply, RequestType};
use crate::property::{PropertyRow, PropertyTag, PropertyValue, RelationalOperator, Restriction, TaggedValue, tags};

/// Names or DNs per request.
const BATCH: usize = 100;

const COLUMNS: [PropertyTag; 6] = [
    tags::PidTagEntryId,
    tags::PidTagEmailAddress,
    tags::PidTagSmtpAddress,
    tags::PidTagDisplayName,
    tags::PidTagAddressType,
    tags::PidTagDisplayType,
];

/// The address book of a server, on a session context of its own that opens when first needed.
///
/// It only reads, so whatever a lost context or connection cut off is asked again once.
pub struct AddressBook {
    channel: Channel,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Exactly this entry.
    Found(AddressEntry),
    /// Several entries, or none: servers differ.
    Ambiguous,
    /// Nothing.
    Unknown,
}

/// An entry of the address book, as far as the server tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressEntry {
    /// PidTagEntryId.
    pub entry_id: Vec<u8>,
    /// PidTagEmailAddress: the legacyExchangeDN of an entry of type EX.
    pub email_address: Option<String>,
    /// PidTagSmtpAddress.
    pub smtp_address: Option<String>,
    /// PidTagDisplayName.
    pub display_name: Option<String>,
    /// PidTagAddressType.
    pub address_type: Option<String>,
    /// PidTagDisplayType: 0 user, 1 distribution list, ...
    pub display_type: Option<i32>,
}

impl AddressBook {
    /// The address book of the settings; `None` if they have no URL for it.
    pub fn new(settings: &ClientSettings) -> Option<Self> {
        let url = settings.endpoints.nspi.as_ref()?;
        Some(Self { channel: Channel::new(settings, url) })
    }

    /// The SMTP addresses of legacyExchangeDNs, in order; `None` where there is no such entry, or it has none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn resolve_dn_to_smtp(&self, dns: &[&str]) -> Result<Vec<Option<String>>, ClientError> {
        let entries = self.resolve_dns(dns).await?;
        Ok(entries.into_iter().map(|entry| entry.and_then(|entry| entry.smtp_address)).collect())
    }

    /// The entries of legacyExchangeDNs, in order.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn resolve_dns(&self, dns: &[&str]) -> Result<Vec<Option<AddressEntry>>, ClientError> {
        let mut entries = Vec::with_capacity(dns.len());
        for batch in dns.chunks(BATCH) {
            let ids = self.minimal_ids(batch).await?;
            let found = self.entries(&ids).await?;
            entries.extend(ids.iter().map(|id| found.get(id).cloned()));
        }
        Ok(entries)
    }

    /// What a name stands for: an address as `=SMTP:user@domain`, or anything a person would type.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn resolve_name(&self, name: &str) -> Result<Resolution, ClientError> {
        let mut found = self.resolve_names(&[name]).await?;
        Ok(found.pop().unwrap_or(Resolution::Unknown))
    }

    /// What names stand for, in order.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn resolve_names(&self, names: &[&str]) -> Result<Vec<Resolution>, ClientError> {
        let mut found = Vec::with_capacity(names.len());
        for batch in names.chunks(BATCH) {
            let request = ResolveNamesRequest {
                state: Some(Stat::start()),
                tags: Some(COLUMNS.to_vec()),
                names: Some(batch.iter().map(|&name| UnicodeText::from(name)).collect()),
                ..ResolveNamesRequest::default()
            };
            let body = self.ask(RequestType::ResolveNames, request.encode()).await?;
            let answer = succeeded(ResolveNamesResponse::decode(&body)?, |answer| answer.error)?;
            let table = answer.table.unwrap_or_default();
            let mut rows = table.rows.iter();
            let ids = answer.minimal_ids.unwrap_or_default();
            for id in ids.into_iter().chain(std::iter::repeat(minimal_id::UNRESOLVED)).take(batch.len()) {
                found.push(match id {
                    minimal_id::UNRESOLVED => Resolution::Unknown,
                    minimal_id::AMBIGUOUS => Resolution::Ambiguous,
                    _ => rows.next().map_or(Resolution::Unknown, |row| Resolution::Found(entry(&table, row))),
                });
            }
        }
        Ok(found)
    }

    /// Whether anything in the address book resembles a name: whether the beginning of its display name, its address or
    /// another of its names does.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn has_matches(&self, name: &str) -> Result<bool, ClientError> {
        let value = TaggedValue::new(tags::PidTagAnr, PropertyValue::String(name.to_owned()));
        let filter = Restriction::Property { operator: RelationalOperator::Equal, tag: tags::PidTagAnr, value };
        let request = GetMatchesRequest {
            state: Some(Stat::start()),
            filter: Some(filter),
            row_count: 1,
            columns: Some(vec![tags::PidTagSmtpAddress]),
            ..GetMatchesRequest::default()
        };
        let body = self.ask(RequestType::GetMatches, request.encode()).await?;
        let answer = succeeded(GetMatchesResponse::decode(&body)?, |answer| answer.error)?;
        Ok(answer.minimal_ids.is_none_or(|ids| !ids.is_empty()) || answer.table.is_some_and(|t| !t.rows.is_empty()))
    }

    /// Closes the session context, if one is open.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn close(&self) -> Result<(), ClientError> {
        if !self.channel.is_open() {
            return Ok(());
        }
        self.channel.call(RequestType::Unbind, UnbindRequest::default().encode()).await.map(drop)
    }

    async fn minimal_ids(&self, dns: &[&str]) -> Result<Vec<u32>, ClientError> {
        let names = dns.iter().map(|&dn| AnsiText::from(dn)).collect();
        let request = DnToMIdRequest { names: Some(names), ..DnToMIdRequest::default() };
        let body = self.ask(RequestType::DnToMId, request.encode()).await?;
        let answer = succeeded(DnToMIdResponse::decode(&body)?, |answer| answer.error)?;
        let mut ids = answer.minimal_ids.unwrap_or_default();
        ids.resize(dns.len(), 0);
        Ok(ids)
    }

    async fn entries(&self, ids: &[u32]) -> Result<HashMap<u32, AddressEntry>, ClientError> {
        let mut wanted: Vec<u32> = ids.iter().copied().filter(|id| *id != 0).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let request = QueryRowsRequest {
            state: Some(Stat::start()),
            row_count: u32::try_from(wanted.len()).unwrap_or(u32::MAX),
            explicit_table: wanted.clone(),
            columns: Some(COLUMNS.to_vec()),
            ..QueryRowsRequest::default()
        };
        let body = self.ask(RequestType::QueryRows, request.encode()).await?;
        let answer = succeeded(QueryRowsResponse::decode(&body)?, |answer| answer.error)?;
        let table = answer.table.unwrap_or_default();
        if table.rows.len() != wanted.len() {
            tracing::debug!(asked = wanted.len(), got = table.rows.len(), "address book left out rows");
            return Ok(HashMap::new());
        }
        Ok(wanted.into_iter().zip(table.rows.iter().map(|row| entry(&table, row))).collect())
    }

    async fn ask(&self, kind: RequestType, body: Vec<u8>) -> Result<Vec<u8>, ClientError> {
        self.bind().await?;
        match self.channel.call(kind, body.clone()).await {
            Err(ClientError::ContextLost(_) | ClientError::OutcomeUnknown(_)) => {
                self.bind().await?;
                self.channel.call(kind, body).await
            }
            done => done,
        }
    }

    async fn bind(&self) -> Result<(), ClientError> {
        let request = BindRequest { state: Some(Stat::start()), ..BindRequest::default() };
        self.channel.open(RequestType::Bind, &request.encode(), false).await.map(drop)
    }
}

fn succeeded<T>(reply: Reply<T>, error: impl Fn(&T) -> ErrorCode) -> Result<T, ClientError> {
    let answer = reply.map_err(|Failure { status }| ClientError::Rejected(ErrorCode(status)))?;
    let code = error(&answer);
    if code.is_success() { Ok(answer) } else { Err(ClientError::Rejected(code)) }
}

fn entry(table: &Table, row: &PropertyRow) -> AddressEntry {
    let text = |tag| table.value(row, tag).and_then(PropertyValue::as_str).map(str::to_owned);
    let bytes = table.value(row, tags::PidTagEntryId).and_then(PropertyValue::as_bytes);
    AddressEntry {
        entry_id: bytes.unwrap_or_default().to_vec(),
        email_address: text(tags::PidTagEmailAddress),
        smtp_address: text(tags::PidTagSmtpAddress),
        display_name: text(tags::PidTagDisplayName),
        address_type: text(tags::PidTagAddressType),
        display_type: table.value(row, tags::PidTagDisplayType).and_then(PropertyValue::as_i32),
    }
}
