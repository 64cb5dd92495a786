//! Requests come in here: path, credentials, headers, then the endpoint they are for.

use std::sync::Arc;
use std::time::Instant;

use http::header::{COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use mapi_core::http::{ClientInfo, CookieJar, Endpoint, RequestId, RequestType, ResponseCode, header};

use super::answer::{AnyBody, Dropped, Envelope, plain, unauthorized};
use super::request::MapiRequest;
use super::{ConnectionAuth, Service, autodiscover, strike};

/// Largest request body: an Execute of 256 KiB and what stands around it.
const MAX_BODY: usize = 0x0004_0000 + 0x2000;

impl Service {
    /// Answers one request; `Dropped`: by closing the connection.
    pub async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<AnyBody>, Dropped> {
        let connection = request.extensions().get::<Arc<ConnectionAuth>>().cloned();
        let mut response = self.serve(request).await?;
        let proof = connection.and_then(|connection| connection.take_proof());
        if let Some(proof) = proof.and_then(|proof| HeaderValue::try_from(proof).ok()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, proof);
        }
        Ok(response)
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<AnyBody>, Dropped> {
        let (endpoint, request) = match self.clone().admit(request).await {
            Ok(admitted) => admitted,
            Err(refusal) => return Ok(refusal),
        };
        let address = self.store.with(|store| store.users().get(request.user).map(|user| user.address.clone()));
        match self.faults.meet(request.kind, address.as_deref().unwrap_or_default()) {
            Some(strike) => strike::apply(self, endpoint, request, strike).await,
            None => Ok(self.answer(endpoint, request).await),
        }
    }

    /// Reads a request for an endpoint; what is none, or is not in order, is answered here.
    async fn admit(self: Arc<Self>, request: Request<Incoming>) -> Result<(Endpoint, MapiRequest), Response<AnyBody>> {
        let path = request.uri().path().to_ascii_lowercase();
        let endpoint = match path.trim_end_matches('/') {
            "/autodiscover/autodiscover.xml" => return Err(self.autodiscover(request).await),
            path @ ("/oauth2/token" | "/oauth2/devicecode") => {
                let device = path.ends_with("devicecode");
                return Err(self.tokens(request, device).await);
            }
            "/mapi/emsmdb" => Endpoint::Mailbox,
            "/mapi/nspi" => Endpoint::AddressBook,
            _ => {
                let text = "no such resource".to_owned();
                return Err(plain(StatusCode::NOT_FOUND, "text/plain", text, self.settings.rtt).await);
            }
        };
        let user = match self.authenticate(&request) {
            Ok(user) => user,
            Err(challenges) => return Err(self.refuse(&challenges)),
        };
        let query = request.uri().query().unwrap_or_default().to_ascii_lowercase();
        let envelope = Envelope::of(request.headers(), self.settings.rtt, self.style);
        if request.method() != Method::POST {
            return Err(envelope.failure(ResponseCode::INVALID_VERB, "POST is the only verb").await);
        }
        if !query.split('&').any(|pair| pair.starts_with("mailboxid=")) {
            return Err(envelope.failure(ResponseCode::INVALID_PATH, "the URL lacks its MailboxId").await);
        }
        let kind = match check(request.headers(), endpoint) {
            Ok(kind) => kind,
            Err((code, text)) => return Err(envelope.failure(code, text).await),
        };
        let cookies = cookies(request.headers());
        let Some(body) = collect(request).await else {
            return Err(envelope.failure(ResponseCode::TOO_LARGE, "the request is too large").await);
        };
        self.counters.request(kind);
        self.contexts.expire(self.settings.expiration);
        Ok((endpoint, MapiRequest { kind, user, cookies, envelope, body, came: Instant::now(), instead: None }))
    }

    /// The user of a request, by its own credentials or by those of its connection; else what its 401 offers.
    fn authenticate(&self, request: &Request<Incoming>) -> Result<usize, Vec<String>> {
        let unknown = Arc::new(ConnectionAuth::new(false));
        let connection = request.extensions().get::<Arc<ConnectionAuth>>().unwrap_or(&unknown);
        self.auth.authenticate(&self.store, request.headers(), connection)
    }

    fn refuse(&self, challenges: &[String]) -> Response<AnyBody> {
        self.counters.unauthorized();
        unauthorized(challenges)
    }

    /// The token endpoint, which asks for credentials of its own.
    async fn tokens(&self, request: Request<Incoming>, device: bool) -> Response<AnyBody> {
        let (headers, method) = (request.headers().clone(), request.method().clone());
        let Some(body) = collect(request).await.filter(|_| method == Method::POST) else {
            return plain(StatusCode::BAD_REQUEST, "text/plain", "a form, please".to_owned(), self.settings.rtt).await;
        };
        let issuer = self.auth.tokens();
        let (status, json) =
            if device { issuer.device(&self.base_url, &headers, &body) } else { issuer.token(&headers, &body) };
        plain(status, "application/json", json, self.settings.rtt).await
    }

    async fn autodiscover(self: Arc<Self>, request: Request<Incoming>) -> Response<AnyBody> {
        self.counters.autodiscover();
        if let Err(challenges) = self.authenticate(&request) {
            return self.refuse(&challenges);
        }
        let mapi = request.headers().contains_key(header::X_MAPI_HTTP_CAPABILITY);
        let Some(body) = collect(request).await else {
            return plain(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", String::new(), self.settings.rtt).await;
        };
        let xml = self.store.with(|store| autodiscover::answer(store, &self.base_url, mapi, &body));
        plain(StatusCode::OK, "text/xml; charset=utf-8", xml, self.settings.rtt).await
    }
}

/// Checks the headers of a MAPI/HTTP request ([MS-OXCMAPIHTTP] 2.2.3.2).
fn check(headers: &HeaderMap, endpoint: Endpoint) -> Result<RequestType, (ResponseCode, &'static str)> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let missing = |name: &'static str| text(name).ok_or((ResponseCode::MISSING_HEADER, name));
    if text("content-type") != Some(header::CONTENT_TYPE_MAPI) {
        return Err((ResponseCode::INVALID_HEADER, "Content-Type"));
    }
    let kind = RequestType::parse(missing(header::X_REQUEST_TYPE)?);
    let kind = kind.ok_or((ResponseCode::INVALID_REQUEST_TYPE, header::X_REQUEST_TYPE))?;
    if RequestId::parse(missing(header::X_REQUEST_ID)?).is_none() {
        return Err((ResponseCode::INVALID_HEADER, header::X_REQUEST_ID));
    }
    if ClientInfo::parse(missing(header::X_CLIENT_INFO)?).is_none() {
        return Err((ResponseCode::INVALID_HEADER, header::X_CLIENT_INFO));
    }
    missing(header::X_CLIENT_APPLICATION)?;
    if kind.endpoint().is_some_and(|wanted| wanted != endpoint) {
        return Err((ResponseCode::INVALID_REQUEST_TYPE, "the request type belongs to the other endpoint"));
    }
    Ok(kind)
}

fn cookies(headers: &HeaderMap) -> CookieJar {
    let values: Vec<_> = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    CookieJar::parse(&values.join("; "))
}

async fn collect(request: Request<Incoming>) -> Option<Vec<u8>> {
    Some(Limited::new(request.into_body(), MAX_BODY).collect().await.ok()?.to_bytes().to_vec())
}
