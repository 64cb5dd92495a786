use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::document;
use super::offer::Offer;
use crate::web::{content_type, with_security};

/// Bytes of a question; they have an address in them.
const MAX_QUESTION: usize = 16 << 10;
/// With which the gateway's own search for Exchange asks: it is no client that wants IMAP.
const OWN_SEARCH: &str = "x-mapi-gateway";

#[derive(Deserialize, Default)]
struct Asked {
    #[serde(default, alias = "emailaddress")]
    email: String,
}

/// What clients ask for.
pub fn router(offer: Offer) -> Router {
    let pox = offer.pox;
    let mut router = Router::new()
        .route("/mail/config-v1.1.xml", get(settings))
        .route("/.well-known/autoconfig/mail/config-v1.1.xml", get(settings))
        .route("/email.mobileconfig", get(profile));
    if pox {
        for path in
            ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.xml"]
        {
            router = router.route(path, post(autodiscover));
        }
    }
    with_security(router.layer(DefaultBodyLimit::max(MAX_QUESTION)).with_state(Arc::new(offer)))
}

type Question = Result<Query<Asked>, axum::extract::rejection::QueryRejection>;

async fn settings(State(offer): State<Arc<Offer>>, asked: Question) -> Response {
    let Ok(Query(Asked { email })) = asked else { return StatusCode::BAD_REQUEST.into_response() };
    // Some ask without an address, by the domain's host.
    if !email.is_empty() && !offer.is_for(&email) {
        return StatusCode::NOT_FOUND.into_response();
    }
    (content_type("application/xml; charset=utf-8"), document::thunderbird(&offer)).into_response()
}

async fn profile(State(offer): State<Arc<Offer>>, asked: Question) -> Response {
    let Ok(Query(Asked { email })) = asked else { return StatusCode::BAD_REQUEST.into_response() };
    match offer.is_for(&email).then(|| document::profile(&offer, &email)).flatten() {
        Some(profile) => {
            let name = [(CONTENT_DISPOSITION, "attachment; filename=\"email.mobileconfig\"")];
            (name, content_type("application/x-apple-aspen-config"), profile).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn autodiscover(State(offer): State<Arc<Offer>>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.contains_key(OWN_SEARCH) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let text = String::from_utf8_lossy(&body);
    let address = text.split_once("<EMailAddress>").and_then(|(_, rest)| rest.split_once("</EMailAddress>"));
    match address.map(|(address, _)| address.trim()).filter(|address| offer.is_for(address)) {
        Some(address) => (content_type("text/xml; charset=utf-8"), document::pox(&offer, address)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
