#include "control/call.h"
#include "control/convert.h"
#include "control/services.h"
#include "vbmc/v1/users.grpc.pb.h"

#include <algorithm>

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;
using Empty = google::protobuf::Empty;

constexpr std::size_t kg_max = 20; // IPMI 2.0 §22.33

Awaitable<Result<void>> list_users(
    Core& core, Caller, const v1::ListUsersRequest& request, v1::ListUsersResponse& response
) {
    const auto users = co_await core.fleet.users(request.node());
    if (!users) {
        co_return users.error();
    }
    for (const fleet::UserSpec& user : *users) {
        *response.add_users() = to_proto(user);
    }
    co_return Result<void>();
}

/// What the request leaves open stays as it is with the user that is there.
void fill_from(
    fleet::UserSpec& user, const v1::User& in, const std::vector<fleet::UserSpec>& current
) {
    const auto found = std::ranges::find_if(current, [&user](const fleet::UserSpec& c) {
        return user.id != 0 ? c.id == user.id : c.name == user.name;
    });
    if (found == current.end()) {
        return;
    }
    user.id = found->id;
    user.name = user.name.empty() ? found->name : user.name;
    user.privilege =
        in.privilege() == v1::PRIVILEGE_UNSPECIFIED ? found->privilege : user.privilege;
    user.enabled = in.has_enabled() ? in.enabled() : found->enabled;
}

Awaitable<Result<void>> set_user(
    Core& core, Caller caller, const v1::SetUserRequest& request, v1::SetUserResponse& response
) {
    auto user = to_user(request.user());
    if (!user) {
        co_return user.error();
    }
    const auto current = co_await core.fleet.users(request.node());
    if (!current) {
        co_return current.error();
    }
    fill_from(*user, request.user(), *current);
    if (auto warning = password_warning(*user); !warning.empty()) {
        response.add_warnings(std::move(warning));
    }
    fleet::UserSpec wanted = *std::move(user);
    const auto set =
        co_await core.fleet.set_user(request.node(), std::move(wanted), caller.identity);
    if (!set) {
        co_return set.error();
    }
    *response.mutable_user() = to_proto(*set);
    co_return Result<void>();
}

Awaitable<Result<void>>
remove_user(Core& core, Caller caller, const v1::RemoveUserRequest& request, Empty&) {
    co_return co_await core.fleet.remove_user(request.node(), request.user(), caller.identity);
}

Awaitable<Result<void>> set_kg(Core& core, Caller caller, const v1::SetKgRequest& request, Empty&) {
    if (request.kg().size() > kg_max) {
        co_return Error(ErrorCode::invalid_argument, "BAD_FIELD", "K_g is at most 20 bytes")
            .with_field("kg");
    }
    Secret kg{std::string_view(request.kg())};
    co_return co_await core.fleet.set_kg(request.node(), std::move(kg), caller.identity);
}

Awaitable<Result<void>> get_secrets(
    Core& core, Caller caller, const v1::GetNodeSecretsRequest& request, v1::NodeSecrets& response
) {
    const auto secrets = co_await core.fleet.secrets(request.node(), caller.identity);
    if (!secrets) {
        co_return secrets.error();
    }
    response.set_node(request.node());
    for (const fleet::UserSpec& user : *secrets) {
        const std::string_view password = user.password.reveal();
        if (user.id == 0) { // no user has this id: K_g
            response.set_kg(password.data(), password.size());
            continue;
        }
        v1::User& out = *response.add_users();
        out = to_proto(user);
        out.set_password(password.data(), password.size());
    }
    co_return Result<void>();
}

class UserService final : public v1::UserService::CallbackService {
  public:
    explicit UserService(Core& core) : core_(core) {}

    Unary* ListUsers(Context* context, const v1::ListUsersRequest* in, v1::ListUsersResponse* out)
        override {
        return serve(core_, context, {"ListUsers", Role::viewer, false}, in, out, list_users);
    }

    Unary*
    SetUser(Context* context, const v1::SetUserRequest* in, v1::SetUserResponse* out) override {
        return serve(core_, context, {"SetUser", Role::admin, true}, in, out, set_user);
    }

    Unary* RemoveUser(Context* context, const v1::RemoveUserRequest* in, Empty* out) override {
        return serve(core_, context, {"RemoveUser", Role::admin, true}, in, out, remove_user);
    }

    Unary* SetKg(Context* context, const v1::SetKgRequest* in, Empty* out) override {
        return serve(core_, context, {"SetKg", Role::admin, true}, in, out, set_kg);
    }

    Unary* GetNodeSecrets(
        Context* context, const v1::GetNodeSecretsRequest* in, v1::NodeSecrets* out
    ) override {
        // Changes nothing, but who reads secrets is audited like who changes something.
        constexpr Method method{"GetNodeSecrets", Role::secrets_reader, true};
        return serve(core_, context, method, in, out, get_secrets);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_user_service(Core& core) {
    return std::make_unique<UserService>(core);
}

} // namespace vbmc::control
