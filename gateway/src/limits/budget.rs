//! What one certificate may do: requests a second, requests at once, look-ups that find nothing.

use super::bucket::{Bucket, Rate};
use crate::trust::Fingerprint;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The figures of the budgets (CONTRACT.md 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// Counted.
    On {
        /// Requests a second.
        requests_per_second: u32,
        /// Requests at once after a pause.
        request_burst: u32,
        /// Look-ups a minute that find nothing.
        fruitless_per_minute: u32,
        /// Such look-ups at once after a pause.
        fruitless_burst: u32,
        /// Requests under way at the same time.
        at_once: u32,
    },
    /// Not counted: for measuring (`sluis demo --budget off`).
    Off,
}

impl Default for Budget {
    fn default() -> Self {
        Self::On {
            requests_per_second: 200,
            request_burst: 400,
            fruitless_per_minute: 60,
            fruitless_burst: 120,
            at_once: 512,
        }
    }
}

/// Over budget: answered 429 `rate-limited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    wait: Duration,
}

impl Exceeded {
    /// The value of `Retry-After`: whole seconds, at least one.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        self.wait.as_secs().saturating_add(u64::from(self.wait.subsec_nanos() > 0)).max(1)
    }
}

/// The budgets of all certificates. Clones share them.
#[derive(Debug, Clone)]
pub struct Budgets {
    figures: Budget,
    accounts: Arc<Mutex<HashMap<Fingerprint, Account>>>,
}

#[derive(Debug)]
struct Account {
    requests: Bucket,
    fruitless: Bucket,
    under_way: u32,
}

impl Account {
    fn new(now: Instant) -> Self {
        Self { requests: Bucket::full(now), fruitless: Bucket::full(now), under_way: 0 }
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.under_way == 0 && self.requests.is_full(now) && self.fruitless.is_full(now)
    }
}

impl Budgets {
    /// Full budgets for everybody.
    #[must_use]
    pub fn new(figures: Budget) -> Self {
        Self { figures, accounts: Arc::default() }
    }

    /// Admits one request; hold the value until its answer is made.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn request(&self, certificate: Fingerprint, now: Instant) -> Result<Admitted, Exceeded> {
        let Budget::On { requests_per_second, request_burst, at_once, .. } = self.figures else {
            return Ok(Admitted { account: None });
        };
        let rate = Rate { interval: per(Duration::from_secs(1), requests_per_second), burst: request_burst };
        let mut accounts = self.lock(now);
        let account = accounts.entry(certificate).or_insert_with(|| Account::new(now));
        if account.under_way >= at_once {
            return Err(Exceeded { wait: Duration::from_secs(1) });
        }
        account.requests.take(rate, now).map_err(|wait| Exceeded { wait })?;
        account.under_way += 1;
        Ok(Admitted { account: Some((self.clone(), certificate)) })
    }

    /// Admits one look-up of a person. Say [`LookUp::found`] when it found somebody; otherwise it counts.
    ///
    /// # Errors
    /// [`Exceeded`]: answer 429 and tell the officer.
    pub fn look_up(&self, certificate: Fingerprint, now: Instant) -> Result<LookUp, Exceeded> {
        let Some(rate) = self.fruitless_rate() else { return Ok(LookUp { account: None }) };
        let mut accounts = self.lock(now);
        let account = accounts.entry(certificate).or_insert_with(|| Account::new(now));
        account.fruitless.take(rate, now).map_err(|wait| Exceeded { wait })?;
        Ok(LookUp { account: Some((self.clone(), certificate, rate)) })
    }

    fn fruitless_rate(&self) -> Option<Rate> {
        match self.figures {
            Budget::On { fruitless_per_minute, fruitless_burst, .. } => Some(Rate {
                interval: per(Duration::from_secs(60), fruitless_per_minute),
                burst: fruitless_burst,
            }),
            Budget::Off => None,
        }
    }

    /// The accounts; the idle ones are forgotten when there are many.
    fn lock(&self, now: Instant) -> MutexGuard<'_, HashMap<Fingerprint, Account>> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS_MAX {
            accounts.retain(|_, account| !account.is_idle(now));
        }
        accounts
    }
}

/// A request within budget.
#[derive(Debug)]
pub struct Admitted {
    account: Option<(Budgets, Fingerprint)>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let Some((budgets, certificate)) = &self.account else { return };
        let mut accounts = budgets.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get_mut(certificate) {
            account.under_way = account.under_way.saturating_sub(1);
        }
    }
}

/// A look-up within budget. Dropped, it counts as one that found nothing: the careful side.
#[derive(Debug)]
pub struct LookUp {
    account: Option<(Budgets, Fingerprint, Rate)>,
}

impl LookUp {
    /// The look-up found somebody: it costs nothing.
    pub fn found(self) {
        let Some((budgets, certificate, rate)) = &self.account else { return };
        let mut accounts = budgets.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get_mut(certificate) {
            account.fruitless.refund(*rate);
        }
    }
}

/// The time for one of `count` in `period`; a count of nought waits a whole period.
fn per(period: Duration, count: u32) -> Duration {
    period.checked_div(count).unwrap_or(period)
}

const ACCOUNTS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn who() -> Fingerprint {
        Fingerprint::of_der(b"a")
    }

    #[test]
    fn a_burst_of_400_then_200_a_second() {
        let (budgets, start) = (Budgets::new(Budget::default()), Instant::now());
        let admitted =
            |at: Instant, tries: usize| (0..tries).filter(|_| budgets.request(who(), at).is_ok()).count();
        assert_eq!(admitted(start, 500), 400);
        assert_eq!(admitted(start + Duration::from_millis(100), 500), 20);
        assert_eq!(admitted(start + Duration::from_millis(1100), 500), 200);
        assert_eq!(admitted(start + Duration::from_secs(60), 500), 400);
    }

    #[test]
    fn one_certificate_does_not_spend_the_budget_of_another() {
        let (budgets, now) = (Budgets::new(Budget::default()), Instant::now());
        while budgets.request(who(), now).is_ok() {}
        assert!(budgets.request(Fingerprint::of_der(b"b"), now).is_ok());
    }

    #[test]
    fn only_look_ups_that_find_nothing_count() {
        let (budgets, now) = (Budgets::new(Budget::default()), Instant::now());
        for _ in 0..1000 {
            budgets.look_up(who(), now).unwrap().found();
        }
        let fruitless = (0..200).filter(|_| budgets.look_up(who(), now).is_ok()).count();
        assert_eq!(fruitless, 120);
        let exceeded = budgets.look_up(who(), now).unwrap_err();
        assert_eq!(exceeded.retry_after_seconds(), 1);
        assert!(budgets.look_up(who(), now + Duration::from_secs(1)).is_ok());
        assert!(budgets.look_up(who(), now + Duration::from_secs(1)).is_err());
    }

    #[test]
    fn requests_at_once_are_capped_and_given_back() {
        let figures = Budget::On {
            requests_per_second: 1000,
            request_burst: 1000,
            fruitless_per_minute: 1,
            fruitless_burst: 1,
            at_once: 2,
        };
        let (budgets, now) = (Budgets::new(figures), Instant::now());
        let first = budgets.request(who(), now).unwrap();
        let _second = budgets.request(who(), now).unwrap();
        assert!(budgets.request(who(), now).is_err());
        drop(first);
        assert!(budgets.request(who(), now).is_ok());
    }

    #[test]
    fn off_counts_nothing() {
        let (budgets, now) = (Budgets::new(Budget::Off), Instant::now());
        assert!(
            (0..10_000).all(|_| budgets.request(who(), now).is_ok() && budgets.look_up(who(), now).is_ok())
        );
    }
}
