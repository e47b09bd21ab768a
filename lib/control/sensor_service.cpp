#include "control/call.h"
#include "control/convert.h"
#include "control/services.h"
#include "vbmc/v1/sensors.grpc.pb.h"

namespace vbmc::control {

namespace {

Awaitable<Result<void>> list_sensors(
    Core& core, Caller, const v1::ListSensorsRequest& request, v1::ListSensorsResponse& response
) {
    const auto sensors = co_await core.fleet.sensors(request.node());
    if (!sensors) {
        co_return sensors.error();
    }
    for (const fleet::SensorView& sensor : *sensors) {
        *response.add_sensors() = to_proto(sensor);
    }
    co_return Result<void>();
}

class SensorService final : public v1::SensorService::CallbackService {
  public:
    explicit SensorService(Core& core) : core_(core) {}

    grpc::ServerUnaryReactor* ListSensors(
        grpc::CallbackServerContext* context,
        const v1::ListSensorsRequest* in,
        v1::ListSensorsResponse* out
    ) override {
        return serve(core_, context, {"ListSensors", Role::viewer, false}, in, out, list_sensors);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_sensor_service(Core& core) {
    return std::make_unique<SensorService>(core);
}

} // namespace vbmc::control
