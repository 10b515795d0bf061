// Landau-Lifshitz-Gilbert: effective field (the exact gradient of the discrete energy) and the explicit rate.
#include "common.hpp"

namespace {

// Constants of the terms: exchange and DMI on the faces, the others on the nodes.
struct Terms {
    const double *exchange, *dmi_i, *dmi_b, *inverse_ms, *easy, *hard, *demag, *zeeman;
};

HPCALO_CLONES
void field(const Terms &k, const double *m, double *h, long nodes) {
    const double *exchange = k.exchange, *dmi_i = k.dmi_i, *dmi_b = k.dmi_b, *inverse_ms = k.inverse_ms, *easy = k.easy,
                 *hard = k.hard, *demag = k.demag, *zeeman = k.zeeman;
    for (long i = 0; i < nodes; ++i) {
        const double *l = m + 3 * i, *c = l + 3, *r = l + 6; // m carries one ghost node on each side
        const double el = exchange[i], er = exchange[i + 1], w = inverse_ms[i];
        const double il = dmi_i[i], ir = dmi_i[i + 1], bl = dmi_b[i], br = dmi_b[i + 1];
        double hx = er * (r[0] - c[0]) + el * (l[0] - c[0]);
        double hy = er * (r[1] - c[1]) + el * (l[1] - c[1]);
        double hz = er * (r[2] - c[2]) + el * (l[2] - c[2]);
        hx += ir * r[2] - il * l[2];
        hy += br * r[2] - bl * l[2];
        hz += il * l[0] - ir * r[0] + bl * l[1] - br * r[1];
        h[3 * i] = w * hx + demag[3 * i] * c[0] + zeeman[3 * i];
        h[3 * i + 1] = w * (hy - hard[i] * c[1]) + demag[3 * i + 1] * c[1] + zeeman[3 * i + 1];
        h[3 * i + 2] = w * (hz + easy[i] * c[2]) + demag[3 * i + 2] * c[2] + zeeman[3 * i + 2];
    }
}

HPCALO_CLONES
void rate(const double *m, const double *h, const double *spin, const double *torque, double *out, long nodes,
          double gamma, double alpha) {
    const double scale = 1.0 / (1.0 + alpha * alpha);
    for (long i = 0; i < nodes; ++i) {
        const double x = m[3 * i], y = m[3 * i + 1], z = m[3 * i + 2];
        const double c = torque[i];
        const double px = gamma * h[3 * i] + c * spin[3 * i], py = gamma * h[3 * i + 1] + c * spin[3 * i + 1],
                     pz = gamma * h[3 * i + 2] + c * spin[3 * i + 2];
        const double tx = -(y * pz - z * py), ty = -(z * px - x * pz), tz = -(x * py - y * px);
        out[3 * i] = scale * (tx + alpha * (y * tz - z * ty));
        out[3 * i + 1] = scale * (ty + alpha * (z * tx - x * tz));
        out[3 * i + 2] = scale * (tz + alpha * (x * ty - y * tx));
    }
}

// Spin accumulation carried along with the spins by the rotation from `before` to m: q + w x q + w x (w x q)/2 with
// w = before x m.
HPCALO_CLONES
void carry(const double *before, const double *m, const double *q, double *out, long nodes) {
    for (long i = 0; i < 3 * nodes; i += 3) {
        const double *o = before + i, *n = m + i, *s = q + i;
        const double x = o[1] * n[2] - o[2] * n[1], y = o[2] * n[0] - o[0] * n[2], z = o[0] * n[1] - o[1] * n[0];
        const double a = y * s[2] - z * s[1], b = z * s[0] - x * s[2], c = x * s[1] - y * s[0];
        out[i] = s[0] + a + 0.5 * (y * c - z * b);
        out[i + 1] = s[1] + b + 0.5 * (z * a - x * c);
        out[i + 2] = s[2] + c + 0.5 * (x * b - y * a);
    }
}

} // namespace

void bind_wall_llg(nb::module_ &m) {
    using namespace nb::literals;
    m.def(
        "llg_field",
        [](In<2> mag, In<1> exchange, In<1> dmi_i, In<1> dmi_b, In<1> inverse_ms, In<1> easy, In<1> hard, In<2> demag,
           In<2> zeeman, Out<2> h) {
            const long nodes = h.shape(0);
            require((long)mag.shape(0) == nodes + 2 && mag.shape(1) == 3 && h.shape(1) == 3,
                    "llg_field: m needs two ghosts");
            require((long)exchange.shape(0) == nodes + 1 && (long)dmi_i.shape(0) == nodes + 1 &&
                        (long)dmi_b.shape(0) == nodes + 1,
                    "llg_field: one exchange and DMI constant per face");
            require((long)inverse_ms.shape(0) == nodes && (long)easy.shape(0) == nodes &&
                        (long)hard.shape(0) == nodes && (long)demag.shape(0) == nodes && demag.shape(1) == 3 &&
                        (long)zeeman.shape(0) == nodes && zeeman.shape(1) == 3,
                    "llg_field: one value per node");
            field({exchange.data(), dmi_i.data(), dmi_b.data(), inverse_ms.data(), easy.data(), hard.data(),
                   demag.data(), zeeman.data()},
                  mag.data(), h.data(), nodes);
        },
        "m"_a, nb::kw_only(), "exchange"_a, "dmi_i"_a, "dmi_b"_a, "inverse_ms"_a, "easy"_a, "hard"_a, "demag"_a,
        "zeeman"_a, "h"_a);
    m.def(
        "llg_rate",
        [](In<2> mag, In<2> h, In<2> spin, In<1> torque, Out<2> out, double gamma, double alpha) {
            const long nodes = out.shape(0);
            require((long)mag.shape(0) == nodes && mag.shape(1) == 3 && (long)h.shape(0) == nodes && h.shape(1) == 3 &&
                        (long)spin.shape(0) == nodes && spin.shape(1) == 3 && out.shape(1) == 3 &&
                        (long)torque.shape(0) == nodes,
                    "llg_rate: one vector per node");
            rate(mag.data(), h.data(), spin.data(), torque.data(), out.data(), nodes, gamma, alpha);
        },
        "m"_a, "h"_a, "spin"_a, "torque"_a, "out"_a, "gamma"_a, "alpha"_a);
    m.def(
        "llg_carry",
        [](In<2> before, In<2> mag, In<2> spin, Out<2> out) {
            const long nodes = out.shape(0);
            require((long)before.shape(0) == nodes && before.shape(1) == 3 && (long)mag.shape(0) == nodes &&
                        mag.shape(1) == 3 && (long)spin.shape(0) == nodes && spin.shape(1) == 3 && out.shape(1) == 3,
                    "llg_carry: one vector per node");
            carry(before.data(), mag.data(), spin.data(), out.data(), nodes);
        },
        "before"_a, "m"_a, "spin"_a, "out"_a);
}
