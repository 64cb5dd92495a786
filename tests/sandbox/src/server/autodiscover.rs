//! Autodiscover, POX ([MS-OXDSCLI] 2.2.2.1).

use mapi_core::autodiscover::{AutodiscoverAnswer, AutodiscoverRequest, MailboxSettings, ProtocolUrls, Subject};

use crate::store::{Store, User};

/// The answer to a request body. MAPI/HTTP URLs are told only to clients that can use them (`mapi`).
pub fn answer(store: &Store, base_url: &str, mapi: bool, body: &[u8]) -> String {
    let Ok(request) = AutodiscoverRequest::decode(body) else {
        return AutodiscoverAnswer::Error { code: 600, message: "Invalid Request".to_owned() }.encode();
    };
    let index = match &request.subject {
        Subject::Address(address) => store.user_index(address.trim()),
        Subject::LegacyDn(dn) => store.user_by_dn(dn.trim()),
    };
    let Some(user) = index.and_then(|index| store.users().get(index)) else {
        let message = "The e-mail address cannot be found.".to_owned();
        return AutodiscoverAnswer::Error { code: 500, message }.encode();
    };
    let url = |service: &str| match mapi {
        true => ProtocolUrls::both(endpoint_url(base_url, service, user)),
        false => ProtocolUrls::default(),
    };
    AutodiscoverAnswer::Settings(Box::new(MailboxSettings {
        legacy_dn: user.legacy_dn.clone(),
        display_name: Some(user.display_name.clone()),
        smtp_address: Some(user.address.clone()),
        emsmdb: url("emsmdb"),
        nspi: url("nspi"),
    }))
    .encode()
}

/// The URL of a service for one user's mailbox.
pub fn endpoint_url(base_url: &str, service: &str, user: &User) -> String {
    let domain = user.address.rsplit_once('@').map_or("", |(_, domain)| domain);
    format!("{base_url}/mapi/{service}/?MailboxId={}@{domain}", user.mailbox_guid)
}
