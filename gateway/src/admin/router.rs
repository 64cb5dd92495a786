use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::access::{Access, Allowed};
use super::observed::Observed;
use super::readiness::Readiness;
use super::{figures, html, status, user};
use crate::web::{content_type, with_security};

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
/// Before who shows a wrong token is told so.
const WRONG_PAUSE: Duration = Duration::from_millis(500);

/// What the pages are made of, and who may see them.
pub struct Admin {
    /// The gateway.
    pub observed: Arc<Observed>,
    /// Who may see what.
    pub access: Access,
}

struct Pages {
    admin: Admin,
    readiness: Readiness,
}

#[derive(Deserialize)]
struct About {
    #[serde(default)]
    name: String,
}

/// The pages.
pub fn router(admin: Admin) -> Router {
    let pages = Arc::new(Pages { admin, readiness: Readiness::default() });
    let router = Router::new()
        .route("/", get(shows_status))
        .route("/metrics", get(shows_metrics))
        .route("/healthz", get(is_alive))
        .route("/readyz", get(is_ready))
        .route("/user", get(shows_user))
        .route("/style.css", get(shows_style));
    with_security(router.with_state(pages))
}

async fn shows_status(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    let allowed = match pages.allowed(&headers).await {
        Ok(allowed) => allowed,
        Err(refusal) => return refusal,
    };
    let observed = &pages.admin.observed;
    let ready = pages.readiness.look(observed).await;
    (content_type(HTML), status::page(observed, ready, allowed == Allowed::All)).into_response()
}

async fn shows_metrics(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    if let Err(refusal) = pages.allowed(&headers).await {
        return refusal;
    }
    figures::record(&pages.admin.observed);
    (content_type("text/plain; version=0.0.4; charset=utf-8"), pages.admin.observed.recorder.text()).into_response()
}

/// Whoever answers is alive. Probes have no token, and are told no more than that.
async fn is_alive(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    match pages.admin.access.of(&headers) {
        Allowed::WrongHost => wrong_host(),
        _ => (content_type(TEXT), "alive\n").into_response(),
    }
}

async fn is_ready(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    let allowed = pages.admin.access.of(&headers);
    if allowed == Allowed::WrongHost {
        return wrong_host();
    }
    let ready = pages.readiness.look(&pages.admin.observed).await;
    let (status, word) =
        if ready.is_ready() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let details = if allowed == Allowed::Nothing {
        String::new()
    } else {
        let upstream = if ready.upstream { "answers" } else { "does not answer" };
        let ledger = if ready.ledger { "can be written" } else { "can't be written" };
        format!("upstream: {upstream}\nledger: {ledger}\n")
    };
    (status, content_type(TEXT), format!("{word}\n{details}")).into_response()
}

async fn shows_user(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    about: Result<Query<About>, QueryRejection>,
) -> Response {
    match pages.allowed(&headers).await {
        Ok(Allowed::All) => {
            let name = about.map(|Query(About { name })| name).unwrap_or_default();
            (content_type(HTML), user::page(&pages.admin.observed, &name)).into_response()
        }
        Ok(_) if !pages.admin.access.has_token() => {
            let text = "Pages about a user need a token: set admin.token_file\n";
            (StatusCode::FORBIDDEN, content_type(TEXT), text).into_response()
        }
        Ok(_) => needs_token(),
        Err(refusal) => refusal,
    }
}

async fn shows_style() -> Response {
    (content_type("text/css; charset=utf-8"), html::STYLE).into_response()
}

impl Pages {
    /// What a request may see; otherwise what it is told.
    async fn allowed(&self, headers: &HeaderMap) -> Result<Allowed, Response> {
        match self.admin.access.of(headers) {
            Allowed::WrongHost => Err(wrong_host()),
            Allowed::Nothing => {
                tokio::time::sleep(WRONG_PAUSE).await;
                Err(needs_token())
            }
            allowed => Ok(allowed),
        }
    }
}

fn wrong_host() -> Response {
    let text = "This is not the name of this gateway: ask by its address, or add the name to admin.hosts\n";
    (StatusCode::MISDIRECTED_REQUEST, content_type(TEXT), text).into_response()
}

/// Browsers ask for a password when they are told of Basic; it is the token.
fn needs_token() -> Response {
    let challenge = [(WWW_AUTHENTICATE, "Basic realm=\"mapi-gateway: any name, the token as password\"")];
    (StatusCode::UNAUTHORIZED, challenge, content_type(TEXT), "The token is needed: admin.token_file\n").into_response()
}
