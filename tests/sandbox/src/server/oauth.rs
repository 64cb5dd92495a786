//! A small token endpoint (RFC 6749, RFC 8628), and the access tokens that the other endpoints take.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// How long a device code is good.
const DEVICE_CODE_TIME: Duration = Duration::from_secs(600);

/// Who may have tokens, who has them, and how the token endpoint behaves. Users are named by their addresses.
#[derive(Default)]
pub struct TokenIssuer(Mutex<ServiceState>);

struct ServiceState {
    lifetime: Duration,
    ahead: Duration,
    interval: Duration,
    rotation: bool,
    clients: HashMap<String, Client>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    devices: HashMap<String, Device>,
    broken: Vec<u16>,
    requests: Vec<(String, String)>,
    secrets: Vec<String>,
}

struct Client {
    secret: Option<String>,
    user: Option<String>,
}

struct Access {
    user: String,
    expires: Instant,
    revoked: bool,
}

struct Refresh {
    user: String,
    client: String,
    used: bool,
}

struct Device {
    user_code: String,
    client: String,
    expires: Instant,
    decision: Decision,
    polled: Option<Instant>,
}

#[derive(Clone)]
enum Decision {
    Pending,
    Denied,
    Approved(String),
}

/// An error answer (RFC 6749 5.2): status, `error`, `error_description`.
type Refused = (StatusCode, &'static str, &'static str);

impl Default for ServiceState {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(3600),
            ahead: Duration::ZERO,
            interval: Duration::from_secs(1),
            rotation: true,
            clients: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            devices: HashMap::new(),
            broken: Vec::new(),
            requests: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

impl TokenIssuer {
    /// Registers a client; with a secret it has to show it. `user` is whose mailbox it gets by client credentials.
    pub fn add_client(&self, id: &str, secret: Option<&str>, user: Option<&str>) {
        let client = Client { secret: secret.map(str::to_owned), user: user.map(str::to_owned) };
        self.state().clients.insert(id.to_owned(), client);
    }

    /// An access token of a user.
    pub fn issue(&self, user: &str) -> String {
        self.state().issue(user)
    }

    /// A refresh token of a user, for a client.
    pub fn issue_refresh(&self, client: &str, user: &str) -> String {
        self.state().issue_refresh(client, user)
    }

    /// How long tokens are said to last that are issued from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.state().lifetime = lifetime;
    }

    /// How far the clock of the mailbox's server is ahead of the token endpoint's: tokens expire so much earlier there.
    pub fn set_ahead(&self, ahead: Duration) {
        self.state().ahead = ahead;
    }

    /// Whether a refresh token is good for one use, and another one comes with the answer. It is at first.
    pub fn set_rotation(&self, rotation: bool) {
        self.state().rotation = rotation;
    }

    /// Lets all access tokens expire.
    pub fn expire_all(&self) {
        let now = Instant::now();
        self.state().access.values_mut().for_each(|access| access.expires = now);
    }

    /// Takes all tokens of a user back, refresh tokens, too.
    pub fn revoke(&self, user: &str) {
        let mut state = self.state();
        state.access.values_mut().filter(|access| access.user == user).for_each(|access| access.revoked = true);
        state.refresh.retain(|_, refresh| refresh.user != user);
    }

    /// Takes one access token back.
    pub fn revoke_token(&self, token: &str) {
        if let Some(access) = self.state().access.get_mut(token) {
            access.revoked = true;
        }
    }

    /// Takes the access tokens of a user back.
    pub fn revoke_access(&self, user: &str) {
        let mut state = self.state();
        state.access.values_mut().filter(|access| access.user == user).for_each(|access| access.revoked = true);
    }

    /// Answers the next requests with these HTTP statuses.
    pub fn break_next(&self, statuses: &[u16]) {
        self.state().broken.extend(statuses.iter().rev());
    }

    /// The codes that users of devices were shown and have not entered yet.
    pub fn user_codes(&self) -> Vec<String> {
        let state = self.state();
        let pending = state.devices.values().filter(|device| matches!(device.decision, Decision::Pending));
        pending.map(|device| device.user_code.clone()).collect()
    }

    /// A user enters a code, and agrees; without a user, somebody refuses.
    pub fn decide(&self, user_code: &str, user: Option<&str>) {
        let mut state = self.state();
        let devices = state.devices.values_mut().filter(|device| device.user_code == user_code);
        let decision = user.map_or(Decision::Denied, |user| Decision::Approved(user.to_owned()));
        devices.for_each(|device| device.decision = decision.clone());
    }

    /// The grant types that were asked for, in order, and how each ended: `ok` or the error.
    pub fn requests(&self) -> Vec<(String, String)> {
        self.state().requests.clone()
    }

    /// Every token and code that was ever given out, to look for it where it must not be.
    pub fn secrets(&self) -> Vec<String> {
        self.state().secrets.clone()
    }

    /// The user of an access token.
    ///
    /// # Errors
    /// What WWW-Authenticate says (RFC 6750 3).
    pub(super) fn user_of(&self, token: &str) -> Result<String, String> {
        let refused =
            |why: &str| format!("Bearer realm=\"sandbox\", error=\"invalid_token\", error_description=\"{why}\"");
        let state = self.state();
        let access = state.access.get(token).ok_or_else(|| refused("The token is unknown"))?;
        if access.revoked {
            return Err(refused("The token is revoked"));
        }
        if Instant::now() + state.ahead >= access.expires {
            return Err(refused("The token is expired"));
        }
        Ok(access.user.clone())
    }

    /// Answers a request to `/oauth2/token`.
    pub(super) fn token(&self, headers: &HeaderMap, body: &[u8]) -> (StatusCode, String) {
        self.answer(headers, body, |state, client, form| {
            let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
            match field("grant_type") {
                "client_credentials" => state.by_client(client),
                "refresh_token" => state.by_refresh(client, field("refresh_token")),
                "urn:ietf:params:oauth:grant-type:device_code" => state.by_device(client, field("device_code")),
                _ => Err((StatusCode::BAD_REQUEST, "unsupported_grant_type", "no such grant")),
            }
        })
    }

    /// Answers a request to `/oauth2/devicecode`.
    pub(super) fn device(&self, base_url: &str, headers: &HeaderMap, body: &[u8]) -> (StatusCode, String) {
        self.answer(headers, body, |state, client, _| {
            let (code, user_code) = (state.secret("dc"), format!("{:08X}", rand::random::<u32>()));
            let device = Device {
                user_code: user_code.clone(),
                client: client.to_owned(),
                expires: Instant::now() + DEVICE_CODE_TIME,
                decision: Decision::Pending,
                polled: None,
            };
            state.devices.insert(code.clone(), device);
            Ok(json!({
                "device_code": code, "user_code": user_code, "verification_uri": format!("{base_url}/device"),
                "expires_in": DEVICE_CODE_TIME.as_secs(), "interval": state.interval.as_secs(),
            }))
        })
    }

    fn answer(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        work: impl FnOnce(&mut ServiceState, &str, &HashMap<String, String>) -> Result<Value, Refused>,
    ) -> (StatusCode, String) {
        let form = parse_form(body);
        let mut state = self.state();
        let kind = form.get("grant_type").map_or("device", String::as_str).to_owned();
        if let Some(status) = state.broken.pop() {
            state.requests.push((kind, status.to_string()));
            return (StatusCode::from_u16(status).unwrap_or_default(), "<html>out of order</html>".to_owned());
        }
        let client = state.client(headers, &form);
        let result = client.and_then(|client| work(&mut state, &client, &form));
        let outcome = result.as_ref().map_or_else(|refused| refused.1, |_| "ok").to_owned();
        state.requests.push((kind, outcome));
        match result {
            Ok(answer) => (StatusCode::OK, answer.to_string()),
            Err((status, error, description)) => {
                (status, json!({ "error": error, "error_description": description }).to_string())
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, ServiceState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServiceState {
    fn secret(&mut self, kind: &str) -> String {
        let text = format!("{kind}.{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>()));
        self.secrets.push(text.clone());
        text
    }

    fn issue(&mut self, user: &str) -> String {
        let token = self.secret("at");
        let access = Access { user: user.to_owned(), expires: Instant::now() + self.lifetime, revoked: false };
        self.access.insert(token.clone(), access);
        token
    }

    fn issue_refresh(&mut self, client: &str, user: &str) -> String {
        let token = self.secret("rt");
        let refresh = Refresh { user: user.to_owned(), client: client.to_owned(), used: false };
        self.refresh.insert(token.clone(), refresh);
        token
    }

    /// The client of a request, by HTTP Basic or by the form (RFC 6749 2.3.1).
    fn client(&self, headers: &HeaderMap, form: &HashMap<String, String>) -> Result<String, Refused> {
        let refused = (StatusCode::UNAUTHORIZED, "invalid_client", "the client or its secret is unknown");
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let (id, secret) = match header {
            Some(pair) => {
                let pair = STANDARD.decode(pair).ok().and_then(|pair| String::from_utf8(pair).ok()).ok_or(refused)?;
                let (id, secret) = pair.split_once(':').ok_or(refused)?;
                (decode(id), Some(decode(secret)))
            }
            None => (form.get("client_id").cloned().unwrap_or_default(), form.get("client_secret").cloned()),
        };
        let known = self.clients.get(&id).ok_or(refused)?;
        if known.secret.is_some() && known.secret != secret { Err(refused) } else { Ok(id) }
    }

    fn by_client(&mut self, client: &str) -> Result<Value, Refused> {
        let user = self.clients.get(client).and_then(|client| client.user.clone());
        let user = user.ok_or((StatusCode::BAD_REQUEST, "unauthorized_client", "not for this client"))?;
        let token = self.issue(&user);
        Ok(json!({ "token_type": "Bearer", "access_token": token, "expires_in": self.lifetime.as_secs() }))
    }

    fn by_refresh(&mut self, client: &str, token: &str) -> Result<Value, Refused> {
        let refused = (StatusCode::BAD_REQUEST, "invalid_grant", "the refresh token is expired or revoked");
        let rotation = self.rotation;
        let known = self.refresh.get_mut(token).filter(|known| known.client == client && !known.used).ok_or(refused)?;
        known.used = rotation;
        let user = known.user.clone();
        let mut answer = self.tokens(client, &user);
        if !rotation && let Some(answer) = answer.as_object_mut() {
            answer.remove("refresh_token");
        }
        Ok(answer)
    }

    fn by_device(&mut self, client: &str, code: &str) -> Result<Value, Refused> {
        let refused = |error| (StatusCode::BAD_REQUEST, error, "see the error");
        let interval = self.interval;
        let device = self.devices.get_mut(code).filter(|device| device.client == client);
        let device = device.ok_or(refused("invalid_grant"))?;
        let now = Instant::now();
        if now >= device.expires {
            return Err(refused("expired_token"));
        }
        let early = device.polled.replace(now).is_some_and(|before| now - before < interval);
        let user = match device.decision.clone() {
            _ if early => return Err(refused("slow_down")),
            Decision::Pending => return Err(refused("authorization_pending")),
            Decision::Denied => return Err(refused("access_denied")),
            Decision::Approved(user) => user,
        };
        self.devices.remove(code);
        Ok(self.tokens(client, &user))
    }

    fn tokens(&mut self, client: &str, user: &str) -> Value {
        let (access, refresh) = (self.issue(user), self.issue_refresh(client, user));
        json!({
            "token_type": "bearer", "access_token": access, "expires_in": self.lifetime.as_secs().to_string(),
            "refresh_token": refresh,
        })
    }
}

fn parse_form(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next().unwrap_or(b'0')).to_digit(16).unwrap_or(0) as u8;
                (digit() << 4) | digit()
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}
