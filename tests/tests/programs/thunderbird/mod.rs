//! Thunderbird itself, without a display, through a user's day: against the gateway over TLS, each step seen from the server's
//! side as well. Without it, the test shows as ignored, never as passed; with `REQUIRE_CLIENTS=1` it fails.

mod changing;
mod day;
mod folders;
mod idle;
mod log;
mod marionette;
mod program;
mod reading;
mod server;
mod writing;

use std::time::Duration;

use day::Day;
use libtest_mimic::{Failed, Trial};

/// How long a step may take. Each takes a few seconds.
const DEADLINE: Duration = Duration::from_secs(60);

pub fn trials() -> Vec<Trial> {
    let required = std::env::var_os("REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).any(|directory| directory.join("thunderbird").is_file());
    let name = "thunderbird::a_users_day";
    vec![if installed {
        Trial::test(name, || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(a_users_day())
        })
    } else {
        let why = "needs Debian's thunderbird (Ubuntu's package of this name installs a snap)";
        Trial::test(name, move || Err(why.into())).with_ignored_flag(!required)
    }]
}

async fn a_users_day() -> Result<(), Failed> {
    let mut day = Day::begin().await?;
    day.step("account is set up", DEADLINE, reading::account_is_set_up).await?;
    day.step("inbox is downloaded", DEADLINE, reading::inbox_is_downloaded).await?;
    day.step("attachment is read", DEADLINE, reading::attachment_is_read).await?;
    day.step("flags go both ways", DEADLINE, changing::flags_go_both_ways).await?;
    day.step("messages change places", DEADLINE, changing::messages_change_places).await?;
    day.step("folder lives and dies", DEADLINE, folders::folder_lives_and_dies).await?;
    day.step("draft is replaced", DEADLINE, writing::draft_is_replaced).await?;
    day.step("message is sent", DEADLINE, writing::message_is_sent).await?;
    day.step("new mail is pushed", DEADLINE, idle::new_mail_is_pushed).await?;
    day.step("nothing is downloaded again", DEADLINE, idle::nothing_is_downloaded_again).await?;
    day.step("sent once", DEADLINE, writing::sent_once).await?;
    day.thunderbird.quit().await
}
