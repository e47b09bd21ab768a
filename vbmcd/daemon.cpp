#include "daemon.h"

#include "base/log.h"
#include "net/clock.h"
#include "net/limits.h"
#include "net/thread.h"
#include "process.h"
#include "version.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <cstdlib>

namespace vbmc::daemon {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto calls_in_flight_grace = std::chrono::seconds(2);
constexpr auto status_period = std::chrono::seconds(10);

/// What secrets of nodes may refer to; never to what vbmcd itself is given.
std::shared_ptr<const backend::CredentialRules> credential_rules(const Config& config) {
    auto rules = std::make_shared<backend::CredentialRules>();
    rules->directories = config.credential_directories;
    rules->variables = config.credential_variables;
    rules->credentials = config.credential_names;
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    rules->credentials_directory = directory == nullptr ? "" : directory;
    std::vector<std::string> own = {config.key_file};
    for (const TlsListener& listener : config.listen) {
        own.push_back(listener.key);
    }
    for (const std::string& path : own) {
        if (!path.empty()) {
            rules->reserved.push_back(path.substr(path.rfind('/') + 1));
        }
    }
    return rules;
}

fleet::FleetConfig fleet_config(const Config& config) {
    fleet::FleetConfig result;
    result.credentials = credential_rules(config);
    result.address_pool = config.address_pool;
    result.default_address = config.default_address;
    result.port_first = config.port_first;
    result.port_last = config.port_last;
    result.nodes_max = config.nodes_max;
    result.poll_interval_s = config.poll_interval_s;
    result.sensor_poll_s = config.sensor_poll_s;
    result.receive_buffer_bytes = static_cast<int>(config.receive_buffer_bytes);
    return result;
}

store::StoreConfig store_config(const Config& config) {
    store::StoreConfig result = store::default_config(config.state_dir);
    result.database_file = config.database;
    result.key_file = config.key_file;
    return result;
}

std::vector<control::RoleRule> role_rules(const Config& config) {
    std::vector<control::RoleRule> rules;
    for (const auto& [role, who] : config.roles) {
        for (const std::string& subject : who) {
            rules.push_back({*control::parse_role(role), subject}
            ); // the reader let only roles through
        }
    }
    return rules;
}

control::ControlConfig control_config(const Config& config) {
    control::ControlConfig result;
    result.socket_path = config.control_socket();
    result.socket_mode = config.socket_mode;
    result.socket_group = config.socket_group;
    result.roles = role_rules(config);
    for (const TlsListener& listener : config.listen) {
        result.tcp.push_back(
            {listener.address.to_string(),
             listener.port,
             listener.certificate,
             listener.key,
             listener.client_ca}
        );
    }
    return result;
}

} // namespace

Daemon::Daemon(Options options, std::function<Result<Options>()> read_again)
    : options_(std::move(options)), read_again_(std::move(read_again)), signals_(control_),
      heart_(control_), stopping_(control_) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        signals_.add(signal);
    }
}

Result<void> Daemon::run() {
    started_ = net::now().wall;
    descriptors_ = net::raise_open_files_limit();
    auto opened = store::Store::open(store_config(options_.config));
    if (!opened) {
        return opened.error();
    }
    store_ = std::move(*opened);
    shards_ = std::make_unique<net::ShardPool>(options_.config.shards);
    fleet_ =
        std::make_unique<fleet::Fleet>(fleet_config(options_.config), control_, *shards_, *store_);
    sources_ = std::make_unique<fleet::Sources>(
        control_, *fleet_, *store_, credential_rules(options_.config)
    );

    net::name_this_thread("control");
    asio::co_spawn(control_, life(), asio::detached);
    control_.run();

    sources_.reset();
    fleet_.reset();
    shards_->stop();
    store_->close();
    return outcome_;
}

/// Everything that happens on the control thread, from start to stop.
Daemon::Awaitable<void> Daemon::life() {
    wait_for_signals();
    outcome_ = co_await start();
    if (outcome_ && !stop_asked_) {
        log(Level::info, "daemon.started", {{"version", version}, {"status", status()}});
        notify_ready(status());
        beat();
        stopping_.expires_at(std::chrono::steady_clock::time_point::max());
        boost::system::error_code ignored;
        auto token = asio::redirect_error(asio::use_awaitable_t<Control::executor_type>(), ignored);
        co_await stopping_.async_wait(token);
    }
    notify_stopping();
    co_await stop();
    signals_.cancel();
    heart_.cancel();
}

Daemon::Awaitable<Result<void>> Daemon::start() {
    Result<void> loaded = co_await fleet_->start();
    if (!loaded) {
        co_return loaded.error();
    }
    Result<void> looking = sources_->start();
    if (!looking) {
        co_return looking.error();
    }
    auto server = control::ControlServer::start(
        control_config(options_.config), facts(), control_, *fleet_, sources_.get()
    );
    if (!server) {
        co_return server.error();
    }
    server_ = std::move(*server);
    for (const std::string& listener : server_->listeners()) {
        log(Level::info, "control.listening", {{"on", listener}});
    }
    if (options_.config.metrics.port != 0) {
        auto metrics = control::MetricsServer::start(
            options_.config.metrics, version, started_, control_, *fleet_
        );
        if (!metrics) {
            co_return metrics.error();
        }
        metrics_ = std::move(*metrics);
        log(Level::info, "control.listening", {{"on", metrics_->name()}});
    }
    co_return Result<void>();
}

Daemon::Awaitable<void> Daemon::stop() {
    log(Level::info, "daemon.stopping");
    metrics_.reset();
    if (server_) {
        co_await server_->stop(calls_in_flight_grace);
        server_.reset();
    }
    co_await sources_->stop();
    co_await fleet_->stop();
}

void Daemon::wait_for_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (!error) {
            on_signal(signal);
        }
    });
}

void Daemon::on_signal(int signal) {
    if (signal == SIGHUP) {
        reload();
        wait_for_signals();
        return;
    }
    stop_asked_ = true; // also when it comes before the start is through
    boost::system::error_code ignored;
    for (const int again : {SIGTERM, SIGINT}) { // a second one ends vbmcd at once
        signals_.remove(again, ignored);
    }
    stopping_.cancel();
}

void Daemon::reload() {
    notify_reloading();
    auto again = read_again_();
    if (!again) {
        log(Level::error, "daemon.reload_failed", {{"error", describe(again.error())}});
        notify_ready(status());
        return;
    }
    options_.config.log_level = again->config.log_level;
    options_.config.roles = again->config.roles;
    reload_credentials(again->config);
    set_log_level(*parse_level(options_.config.log_level));
    if (server_) {
        if (const auto done = server_->reload(role_rules(options_.config), facts()); !done) {
            log(Level::error, "daemon.reload_failed", {{"error", describe(done.error())}});
        }
    }
    log(Level::info, "daemon.reloaded", {{"log_level", options_.config.log_level}});
    notify_ready(status());
}

/// Nodes whose secrets are references get drivers that know the new rules.
void Daemon::reload_credentials(const Config& again) {
    Config& now = options_.config;
    if (now.credential_directories == again.credential_directories &&
        now.credential_variables == again.credential_variables &&
        now.credential_names == again.credential_names) {
        return;
    }
    now.credential_directories = again.credential_directories;
    now.credential_variables = again.credential_variables;
    now.credential_names = again.credential_names;
    const auto rules = credential_rules(now);
    sources_->set_credentials(rules);
    auto taking_over = fleet_->set_credentials(rules);
    asio::co_spawn(control_, std::move(taking_over), asio::detached);
}

/// Each shard says that it still runs; the watchdog is fed when all did since the last time.
void Daemon::ask_shards() {
    shards_alive_ = 0;
    ++beat_;
    for (std::size_t i = 0; i < shards_->size(); ++i) {
        shards_->post(i, [this, asked = beat_] {
            asio::post(control_, [this, asked] { shards_alive_ += asked == beat_ ? 1 : 0; });
        });
    }
}

void Daemon::beat() {
    const double wanted = watchdog_period_s();
    const auto period = wanted > 0 ? std::chrono::duration_cast<std::chrono::milliseconds>(
                                         std::chrono::duration<double>(wanted)
                                     )
                                   : std::chrono::milliseconds(status_period);
    if (beat_ == 0 || shards_alive_ == shards_->size()) {
        notify_alive();
    } else {
        log(Level::warn, "daemon.shard_hangs", {{"alive", static_cast<long long>(shards_alive_)}});
    }
    ask_shards();
    notify_status(status());
    give_back_memory();
    heart_.expires_after(period);
    heart_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            beat();
        }
    });
}

std::string Daemon::status() const {
    const auto counts = fleet_->counts();
    return "serving " + std::to_string(counts.running) + " of " + std::to_string(counts.nodes) +
           " nodes, " + std::to_string(counts.failed) + " failed";
}

control::ServerFacts Daemon::facts() const {
    const Config& config = options_.config;
    control::ServerFacts facts;
    facts.version = version;
    facts.state_dir = config.state_dir;
    facts.started = started_;
    facts.config = {
        {"config-file", options_.config_path},
        {"database", config.database_path()},
        {"socket", config.control_socket()},
        {"default-address", config.default_address.to_string()},
        {"ports", std::to_string(config.port_first) + "-" + std::to_string(config.port_last)},
        {"shards", std::to_string(shards_->size())},
        {"open-files-max", std::to_string(descriptors_)},
        {"log-level", config.log_level},
    };
    return facts;
}

} // namespace vbmc::daemon
