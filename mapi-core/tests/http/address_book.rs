//! The address book client against recorded answers.

use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::auth::{BasicCredentials, PlainHttp};
use mapi_core::client::{ClientError, ClientSettings, EndpointUrl, Endpoints, Tls, TlsSettings, TlsVerification};
use mapi_core::http::ResponseCode;
use mapi_core::nspi::{
    AddressBook, DnToMIdResponse, QueryRowsRequest, QueryRowsResponse, Resolution, ResolveNamesResponse, UnbindResponse,
};
use secrecy::SecretString;

use crate::recorded::exchange;
use crate::server::{Peer, Server};

fn address_book(server: &Server) -> AddressBook {
    let url = EndpointUrl::parse(&server.url("/mapi/nspi/?MailboxId=1@lab.test"), PlainHttp::Allow).expect("a URL");
    let credentials = BasicCredentials::new("alice", SecretString::from("secret"), PlainHttp::Allow);
    let endpoints = Endpoints { emsmdb: url.clone(), nspi: Some(url) };
    let verification = TlsVerification::DangerousNone;
    let tls = Tls::new(&TlsSettings { verification, ..TlsSettings::default() }).expect("no roots needed");
    let settings = ClientSettings::new(endpoints, Arc::new(credentials), "/o=x/cn=alice", tls);
    AddressBook::new(&settings).expect("it has a URL")
}

/// Accepts Bind, loses the context once, and then answers as recorded.
async fn serve(mut peer: Peer) {
    let mut lost = false;
    while let Some(seen) = peer.request().await {
        match seen.kind() {
            "Bind" => peer.answer("Set-Cookie: sid=1\r\n", &exchange("15/1").1).await,
            "ResolveNames" if !lost => {
                lost = true;
                peer.refuse("200 OK", "Content-Type: text/html\r\nX-ResponseCode: 10\r\n").await;
            }
            "ResolveNames" => peer.answer("", &exchange("15/2").1).await,
            "DNToMId" => {
                let minimal_ids = Some(vec![20, 0, 20, 18]);
                peer.answer("", &DnToMIdResponse { minimal_ids, ..DnToMIdResponse::default() }.encode()).await;
            }
            "QueryRows" => {
                let request = QueryRowsRequest::decode(&seen.body).expect("a body");
                assert_eq!(request.explicit_table, [18, 20], "each entry once");
                let recorded =
                    ResolveNamesResponse::decode(&exchange("15/2").1).expect("recorded").expect("no failure");
                let mut table = recorded.table.expect("rows");
                table.rows.truncate(2);
                peer.answer("", &QueryRowsResponse { table: Some(table), ..QueryRowsResponse::default() }.encode())
                    .await;
            }
            "Unbind" => {
                let error = ErrorCode(1);
                peer.answer("", &UnbindResponse { error, ..UnbindResponse::default() }.encode()).await;
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn names_and_dns_resolve_and_a_lost_context_is_opened_again() {
    let server = Server::start(serve).await;
    let book = address_book(&server);
    let names = ["=SMTP:alice@lab.test", "b", "c", "d", "e", "f", "g", "h"];
    let found = book.resolve_names(&names).await.expect("asked again");
    let Resolution::Found(alice) = &found[0] else { panic!("{found:?}") };
    assert_eq!(alice.smtp_address.as_deref(), Some("alice@lab.test"));
    assert_eq!((alice.display_name.as_deref(), alice.display_type), (Some("Alice Example"), Some(0)));
    assert_eq!(alice.address_type.as_deref(), Some("EX"));
    assert_eq!((&found[4], &found[5]), (&Resolution::Ambiguous, &Resolution::Ambiguous));
    let Resolution::Found(list) = &found[7] else { panic!("{found:?}") };
    assert_eq!(list.smtp_address.as_deref(), Some("all@lab.test"));

    let addresses = book.resolve_dn_to_smtp(&["/a", "/b", "/a", "/c"]).await.expect("answers");
    let addresses: Vec<_> = addresses.iter().map(Option::as_deref).collect();
    assert_eq!(addresses, [Some("bob@lab.test"), None, Some("bob@lab.test"), Some("alice@lab.test")]);
    book.close().await.expect("closed");
    book.close().await.expect("nothing to close");
    let kinds: Vec<_> = server.seen().iter().map(|seen| seen.kind().to_owned()).collect();
    assert_eq!(kinds, ["Bind", "ResolveNames", "Bind", "ResolveNames", "DNToMId", "QueryRows", "Unbind"]);
}

#[tokio::test]
async fn a_context_that_is_lost_twice_is_an_error() {
    let server = Server::start(|mut peer| async move {
        while let Some(seen) = peer.request().await {
            match seen.kind() {
                "Bind" => peer.answer("Set-Cookie: sid=1\r\n", &exchange("15/1").1).await,
                _ => peer.refuse("200 OK", "Content-Type: text/html\r\nX-ResponseCode: 10\r\n").await,
            }
        }
    })
    .await;
    let error = address_book(&server).resolve_name("x").await.expect_err("lost");
    assert_eq!(error, ClientError::ContextLost(Some(ResponseCode::CONTEXT_NOT_FOUND)));
    assert_eq!(server.seen().len(), 4);
}
