/* asio.cpp - the peer on Boost.Asio: one io_context, which all threads run. */
/* SPDX-License-Identifier: MIT */
/*
 * Threads  A session has one operation in flight, so no two threads are ever in it: it needs no
 *          strand.
 * Memory   Each session has a buffer of its own, as a read that waits must name one. 16 KiB: a
 *          message of middle size in one read; and of what is not touched no page is taken.
 */
#include <array>
#include <boost/asio.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "peer_message.h"
#include "peer_serve.h"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/* With the executor's own type: the default one may be any executor, and is slower for that. */
using executor = asio::io_context::executor_type;
using stream = asio::basic_stream_socket<tcp, executor>;
using acceptor = asio::basic_socket_acceptor<tcp, executor>;

/* When a write is complete. Asio's own condition hands the kernel 64 KiB at once at most. */
static auto all_of(std::size_t size)
{
    return [size](error_code error, std::size_t sent) { return error ? 0 : size - sent; };
}

class session : public std::enable_shared_from_this<session>
{
  public:
    session(stream socket, const peer_options &options)
        : socket_(std::move(socket)), options_(options)
    {
    }

    session(const session &) = delete;
    session &operator=(const session &) = delete;

    ~session()
    {
        peer_message_free(&message_);
    }

    void start()
    {
        if (options_.collect)
            collect_first();
        else
            echo();
    }

  private:
    void echo()
    {
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](error_code error, std::size_t size) {
                                    if (error)
                                        return;
                                    peer_message_received(&self->options_, self->buffer_.data());
                                    self->send_piece(size);
                                });
    }

    void send_piece(std::size_t size)
    {
        asio::async_write(socket_, asio::buffer(buffer_, size), all_of(size),
                          [self = shared_from_this()](error_code error, std::size_t) {
                              if (!error)
                                  self->echo();
                          });
    }

    /* Until the first bytes are there the message has no memory. */
    void collect_first()
    {
        socket_.async_read_some(
            asio::buffer(buffer_), [self = shared_from_this()](error_code error, std::size_t size) {
                if (!error && peer_message_append(&self->message_, self->buffer_.data(), size) == 0)
                    self->collect_more();
            });
    }

    void collect_more()
    {
        std::size_t room;
        unsigned char *bytes = peer_message_room(&message_, &room);

        if (!bytes)
            return;
        socket_.async_read_some(asio::buffer(bytes, room),
                                [self = shared_from_this()](error_code error, std::size_t size) {
                                    if (error == asio::error::eof) {
                                        self->send_message();
                                    } else if (!error) {
                                        self->message_.size += size;
                                        self->collect_more();
                                    }
                                });
    }

    void send_message()
    {
        peer_message_received(&options_, message_.bytes);
        asio::async_write(socket_, asio::buffer(message_.bytes, message_.size),
                          all_of(message_.size),
                          [self = shared_from_this()](error_code, std::size_t) {});
    }

    stream socket_;
    const peer_options &options_;
    peer_message message_{};
    std::array<unsigned char, 16 * 1024> buffer_;
};

static void accept_next(acceptor &listener, const peer_options &options)
{
    listener.async_accept([&](error_code error, stream socket) {
        if (!error)
            std::make_shared<session>(std::move(socket), options)->start();
        accept_next(listener, options);
    });
}

static void run_all(asio::io_context &context, unsigned workers)
{
    std::vector<std::thread> threads;

    for (unsigned i = 1; i < workers; i++)
        threads.emplace_back([&] { context.run(); });
    context.run();
    for (std::thread &thread : threads)
        thread.join();
}

static int serve(const peer_options &options, int descriptor)
{
    asio::io_context context(static_cast<int>(options.workers));
    acceptor listener(context, tcp::v4(), descriptor);

    accept_next(listener, options);
    run_all(context, options.workers);
    return 0;
}

int main(int argc, char *argv[])
{
    peer_options options;
    int status = peer_options_read(argc, argv, PEER_OTHER, &options);

    if (status != 0)
        return status;
    peer_prepare();
    int descriptor = peer_listen(&options);
    if (descriptor < 0)
        return 1;
    try {
        return serve(options, descriptor);
    } catch (const boost::system::system_error &error) {
        return peer_failed(&options, "asio", -error.code().value());
    }
}
