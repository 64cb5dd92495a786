//! QUOTA (RFC 9208). There is one root, that of the whole mailbox, and what it allows is not set here.

use mail_core::Quota;

use crate::proto::response::Output;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then};

/// The name of the root.
const ROOT: &str = "";

/// RFC 9208 4.1.2
pub(super) fn get_quota(root: &str) -> Step {
    if root != ROOT {
        return Step::Done(no_such_root());
    }
    with_quota(|core, quota| match quota {
        Some(quota) => {
            write_quota(quota, &mut core.out);
            Outcome::ok("GETQUOTA completed")
        }
        None => no_such_root(),
    })
}

/// RFC 9208 4.1.3. Of any name: also one of a mailbox that is yet to be made.
pub(super) fn get_quota_root(mailbox: String) -> Step {
    with_quota(move |core, quota| {
        core.out.text("* QUOTAROOT ").mailbox(&mailbox);
        match quota {
            Some(quota) => {
                core.out.text(" ").astring(ROOT).text("\r\n");
                write_quota(quota, &mut core.out);
            }
            // Where nothing is limited there is no root.
            None => drop(core.out.text("\r\n")),
        }
        Outcome::ok("GETQUOTAROOT completed")
    })
}

/// RFC 9208 4.1.4
pub(super) fn set_quota(root: &str) -> Step {
    Step::Done(match root {
        ROOT => Outcome::no("NOPERM", "Only an administrator of the mail server changes it"),
        _ => no_such_root(),
    })
}

fn no_such_root() -> Outcome {
    Outcome::no("NONEXISTENT", "No such quota root")
}

fn with_quota(next: impl FnOnce(&mut Core, Option<Quota>) -> Outcome + Send + 'static) -> Step {
    Step::Call(
        Call::Quota,
        then(move |core, with| {
            Step::Done(match with {
                With::Reply(Reply::Quota(Ok(quota))) => next(core, quota),
                With::Reply(Reply::Quota(Err(error))) => Outcome::failed(&error),
                _ => Outcome::bug(),
            })
        }),
    )
}

/// STORAGE is in units of 1024 bytes (RFC 9208 5.1): a mailbox is not shown as having more room than it has.
fn write_quota(quota: Quota, out: &mut Output) {
    out.text("* QUOTA ").astring(ROOT).text(" (STORAGE ").number(quota.used.div_ceil(1024)).text(" ");
    out.number(quota.limit / 1024).text(")\r\n");
}
